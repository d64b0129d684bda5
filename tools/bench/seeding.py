"""How the content gets into a registry: registry:2's files are written directly, refloat takes requests."""

import base64
import http.client
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from tools.bench.generators import load
from tools.bench.seeds import Image
from tools.bench.servers import Server

AT_ONCE = 8
TAGS_A_REQUEST = 100


def seed(server: Server, images: Iterable[Image]) -> None:
    """Put images into a registry. A registry:2 must not be running, refloat must be."""
    if server.kind.tree:
        for image in images:
            write_tree(server.root / "docker" / "registry" / "v2", image)
    else:
        push(server, images)


def write_tree(v2: Path, image: Image) -> None:
    """Write an image as registry:2 keeps it: bytes under their digest, links that name digests."""
    repository = v2 / "repositories" / image.repository
    for blob in image.blobs:
        _data(v2, blob.digest, blob.body)
        _link(repository / "_layers", blob.digest)
    for path in image.files:
        digest = _digest_of_file(image, path)
        _place(v2, digest).mkdir(parents=True, exist_ok=True)
        os.link(path, _place(v2, digest) / "data")
        _link(repository / "_layers", digest)
    _data(v2, image.manifest.digest, image.manifest.body)
    manifests = repository / "_manifests"
    _link(manifests / "revisions", image.manifest.digest)
    for tag in image.tags:
        (manifests / "tags" / tag / "current").mkdir(parents=True)
        (manifests / "tags" / tag / "current" / "link").write_text(image.manifest.digest)
        _link(manifests / "tags" / tag / "index", image.manifest.digest)


def _data(v2: Path, digest: str, body: bytes) -> None:
    place = _place(v2, digest)
    if not place.exists():
        place.mkdir(parents=True)
        (place / "data").write_bytes(body)


def _place(v2: Path, digest: str) -> Path:
    algorithm, _, encoded = digest.partition(":")
    return v2 / "blobs" / algorithm / encoded[:2] / encoded


def _link(parent: Path, digest: str) -> None:
    place = parent / digest.replace(":", "/")
    place.mkdir(parents=True, exist_ok=True)
    (place / "link").write_text(digest)


def _digest_of_file(image: Image, path: Path) -> str:
    """Return the digest that the manifest gives to a file: they are in the same order."""
    layers = json.loads(image.manifest.body)["layers"]
    return str(layers[image.files.index(path)]["digest"])


def push(server: Server, images: Iterable[Image]) -> None:
    """Push images over the wire, several at a time."""
    plan = server.root.with_name(server.root.name + ".requests")
    with plan.open("w") as lines:
        for image in images:
            for path in image.files:
                put_file(server.address, image.repository, path, _digest_of_file(image, path))
            lines.write(json.dumps(list(_requests(image))) + "\n")
    load("replay", server.address, file=plan, at_once=AT_ONCE)
    plan.unlink()


def _requests(image: Image) -> Iterator[dict[str, str]]:
    """Return what pushes an image: each blob in one POST, the manifest with a hundred tags at a time."""
    for blob in image.blobs:
        yield _request("POST", f"/v2/{image.repository}/blobs/uploads/?digest={blob.digest}", blob.body)
    for first in range(0, len(image.tags), TAGS_A_REQUEST):
        tags = "&".join(f"tag={tag}" for tag in image.tags[first : first + TAGS_A_REQUEST])
        path = f"{image.by(image.manifest.digest)}?{tags}"
        yield _request("PUT", path, image.manifest.body, image.manifest.media_type)


def _request(method: str, path: str, body: bytes, media_type: str = "application/octet-stream") -> dict[str, str]:
    return {"method": method, "path": path, "type": media_type, "body": base64.b64encode(body).decode()}


def push_one(address: str, image: Image) -> None:
    """Push one image to any registry, blob by blob."""
    for blob in image.blobs:
        put_blob(address, image.repository, blob.digest, blob.body)
    for tag in image.tags:
        connection = http.client.HTTPConnection(address, timeout=60)
        connection.request("PUT", image.by(tag), image.manifest.body, {"Content-Type": image.manifest.media_type})
        _expect(connection, 201)


def put_file(address: str, repository: str, path: Path, digest: str) -> None:
    """Upload a file as a blob."""
    with path.open("rb") as body:
        put_blob(address, repository, digest, body)


def put_blob(address: str, repository: str, digest: str, body: bytes | BinaryIO) -> None:
    """Upload a blob by POST and one PUT. Raises RuntimeError if it is not taken."""
    length = len(body) if isinstance(body, bytes) else os.fstat(body.fileno()).st_size
    connection = http.client.HTTPConnection(address, timeout=300, blocksize=1 << 20)
    connection.request("POST", f"/v2/{repository}/blobs/uploads/")
    location = urlsplit(_expect(connection, 202).headers["Location"])
    path = f"{location.path}?{location.query}&digest={digest}" if location.query else f"{location.path}?digest={digest}"
    connection = http.client.HTTPConnection(address, timeout=300, blocksize=1 << 20)
    headers = {"Content-Length": str(length), "Content-Type": "application/octet-stream"}
    connection.request("PUT", path, body, headers)
    _expect(connection, 201)


def _expect(connection: http.client.HTTPConnection, status: int) -> http.client.HTTPResponse:
    """Return the answer, read to its end, and close the connection."""
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    if answer.status != status:
        raise RuntimeError(f"answered {answer.status}, not {status}: {said[:500]!r}")
    return answer
