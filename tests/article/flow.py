"""The article's steps against the article's configuration, run by test_article.py in a network of its own.

The article restores an image on a stock registry like this: list the catalog, get the manifest, delete it by its
digest, put the saved body back under the tag. There the answer can be 201 and the image gone; here it comes back.
Every step is what people type: once as with Python's `requests`, once as with curl.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx2

from tools.content import Part, make_content
from tools.serving import REFLOAT, wait_until
from tools.wire import DOCKER_MANIFEST, Wire

HOST = "127.0.0.1:5000"
URL = f"http://{HOST}"
CONFIG = Path(__file__).with_name("config.yml")
DOCKER_TYPES = {
    "application/vnd.oci.image.manifest.v1+json": DOCKER_MANIFEST,
    "application/vnd.oci.image.config.v1+json": "application/vnd.docker.container.image.v1+json",
    "application/vnd.oci.image.layer.v1.tar+gzip": "application/vnd.docker.image.rootfs.diff.tar.gzip",
}


def with_requests(repository: str, tag: str) -> bytes:
    """List, get, delete, put back, with an HTTP library. Returns the saved manifest."""
    catalog = httpx2.get(f"{URL}/v2/_catalog/").raise_for_status().json()
    assert repository in catalog["repositories"], catalog
    manifest = httpx2.get(f"{URL}/v2/{repository}/manifests/{tag}", headers={"Accept": DOCKER_MANIFEST})
    assert manifest.status_code == 200, manifest.text
    digest = manifest.headers["Docker-Content-Digest"]
    deleted = httpx2.delete(f"{URL}/v2/{repository}/manifests/{digest}")
    assert deleted.status_code == 202, deleted.text
    gone = httpx2.get(f"{URL}/v2/{repository}/manifests/{tag}", headers={"Accept": DOCKER_MANIFEST})
    assert gone.status_code == 404, gone.text
    back = httpx2.put(f"{URL}/v2/{repository}/manifests/{tag}", content=manifest.content)
    assert "content-type" not in back.request.headers
    assert back.status_code == 201, back.text
    assert back.headers["Docker-Content-Digest"] == digest
    return manifest.content


def with_curl(repository: str, tag: str) -> bytes:
    """The same steps with curl, which sends a form's content type with the body. Returns the saved manifest."""
    catalog = json.loads(curl(f"{URL}/v2/_catalog/"))
    assert repository in catalog["repositories"], catalog
    place = f"{URL}/v2/{repository}/manifests"
    accept = f"Accept: {DOCKER_MANIFEST}"
    manifest = curl("-H", accept, f"{place}/{tag}")
    heads = curl("--head", "-H", accept, f"{place}/{tag}").decode().splitlines()
    digest = next(line.split(": ")[1] for line in heads if line.lower().startswith("docker-content-digest:"))
    curl("-X", "DELETE", f"{place}/{digest}")
    assert curl("-o", "/dev/null", "-w", "%{http_code}", "-H", accept, f"{place}/{tag}", fail=False) == b"404"
    curl("-X", "PUT", "--data-binary", f"@{saved(manifest)}", f"{place}/{tag}")
    return manifest


def curl(*arguments: str, fail: bool = True) -> bytes:
    """Run curl and return what it printed; a status of 400 or more is an error unless told otherwise."""
    flags = ["--silent", "--show-error", *(["--fail-with-body"] if fail else [])]
    return subprocess.run(["curl", *flags, *arguments], capture_output=True, check=True).stdout


def saved(manifest: bytes) -> Path:
    """Save a manifest to a file, as the article does."""
    place = Path("/var/lib/manifest.json")
    place.write_bytes(manifest)
    return place


def as_docker(part: Part) -> Part:
    """Return an OCI image manifest as the Docker manifest of the same image."""
    body = part.body
    for ours, theirs in DOCKER_TYPES.items():
        body = body.replace(ours.encode(), theirs.encode())
    return Part(DOCKER_MANIFEST, body)


def push(wire: Wire, repository: str, tag: str, manifest: Part, blobs: tuple[Part, ...]) -> None:
    """Push one image."""
    for blob in blobs:
        wire.push_blob(repository, blob)
    wire.push_manifest(repository, tag, manifest)


def walk(wire: Wire, style: str, flow: Callable[[str, str], bytes]) -> None:
    """Run one style of the flow on a Docker image and on an OCI image, and compare all bytes afterwards."""
    content = make_content(f"the article with {style}")
    for name, manifest in (("docker", as_docker(content.amd64)), ("oci", content.amd64)):
        repository = f"article/{style}-{name}"
        push(wire, repository, "latest", manifest, content.blobs)
        assert flow(repository, "latest") == manifest.body
        restored = wire.manifest(repository, "latest").expect(200)
        assert (restored.headers["content-type"], restored.body) == (manifest.media_type, manifest.body)
        document = json.loads(manifest.body)
        wanted = {entry["digest"] for entry in (document["config"], *document["layers"])}
        for part in content.blobs:
            if part.digest in wanted:
                assert wire.blob(repository, part.digest).expect(200).body == part.body
        print(f"{style}, {name} image: deleted, put back, every byte the same")


def main() -> int:
    """Serve the article's configuration, walk through its steps. Returns the exit code."""
    log = Path("/var/lib/serve.log")
    with log.open("wb") as out:
        server = subprocess.Popen([str(REFLOAT), "serve", str(CONFIG)], stdout=out, stderr=subprocess.STDOUT)
    try:
        wire = Wire(HOST)
        wait_until(lambda: answers(wire), 60, lambda: f"no answer:\n{log.read_text()}")
        assert wire.ask("GET", "/v2/").headers["x-content-type-options"] == "nosniff"
        walk(wire, "requests", with_requests)
        walk(wire, "curl", with_curl)
    finally:
        server.terminate()
        started = time.monotonic()
        ended = server.wait(30)
        print(f"serve ended with {ended} after {time.monotonic() - started:.1f} s")
    return ended


def answers(wire: Wire) -> bool:
    """Does the registry answer yet?"""
    try:
        return wire.ask("GET", "/v2/").status == 200
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
