"""What `make demo` shows: images deleted on a real registry, one of them brought back, every byte compared.

Only the command line, the wire and the disk are used, as anybody could. KEEP=1 leaves the server running.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tools.content import Content, Part, digest_of, image_parts, index_parts, make_content, write_layout
from tools.serving import REFLOAT, Served, wait_until

KEPT = "demo/app"
FLEETING = "demo/fleeting"
SHORT = {
    "REGISTRY_REFLOAT_WINDOW": "2s",
    "REGISTRY_REFLOAT_LEASE": "8s",
    "REGISTRY_REFLOAT_GRAVEYARD": "1s",
    "REGISTRY_REFLOAT_COLLECT_INTERVAL": "500ms",
}
"""Settings under which a deleted image's bytes are gone within seconds; shipped are 30 days and a day."""

PATIENCE = 120.0
"""Seconds the collector may take on a loaded machine before the demonstration counts as broken."""


class Differs(Exception):
    """The registry did not do what it promises."""


def say(text: str) -> None:
    """Print one line of the story."""
    print(text, flush=True)


def check(otherwise: str, *, holds: bool) -> None:
    """Go on if a promise holds. Raises Differs, with what is true otherwise."""
    if not holds:
        raise Differs(otherwise)


def mib(size: int) -> str:
    return f"{size / 2**20:.2f} MiB"


def main() -> int:
    """Tell the story. Returns the exit code."""
    keep = os.environ.get("KEEP", "") not in ("", "0")
    place = Path(tempfile.mkdtemp(prefix="refloat-demo-"))
    served = Served(place / "root", place / "serve.log")
    try:
        served.start()
        tell(served, place)
        if keep:
            leave_running(served)
        return 0
    except (Differs, RuntimeError, OSError) as failure:
        print(f"\nIT DIFFERS: {failure}\nthe server's log:\n{served.tail()}", file=sys.stderr)
        return 1
    finally:
        served.stop()
        if not keep:
            shutil.rmtree(place, ignore_errors=True)


def tell(served: Served, place: Path) -> None:
    """The whole story, in order."""
    kept, fleeting = make_content("kept"), make_content("fleeting")
    say(f"A registry on {served.address}, its bytes under {served.root}")
    push(served, KEPT, kept)
    change = delete_and_miss(served, kept)
    let_a_window_end(served, fleeting)
    restart(served, {})
    undo(served, change, kept)
    with_skopeo(served, kept, place)
    with_podman(served, place)
    say("Every byte and digest is what was pushed.")


def restart(served: Served, settings: dict[str, str]) -> None:
    """Stop the server and start it over the same directory with other settings."""
    served.stop()
    served.settings = settings
    served.start()


def push(served: Served, repository: str, content: Content) -> None:
    served.wire.push(repository, "latest", content)
    compare(served, repository, content)
    say(f"pushed   {repository}:latest, {len(content.manifests)} platforms, {len(content.blobs)} blobs, a signature, "
        f"{mib(content.size())}; pulled again: the same")


def compare(served: Served, repository: str, content: Content) -> None:
    """Pull everything over the wire and compare it. Raises Differs."""
    tagged = served.wire.manifest(repository, "latest")
    check(f"{repository}:latest is not what was pushed ({tagged.status})", holds=tagged.body == content.index.body)
    for part in content.everything:
        answer = served.wire.read(repository, part)
        check(f"{part.digest} answers {answer.status}", holds=answer.status == 200)
        check(f"{part.digest} has other bytes", holds=digest_of(answer.body) == part.digest)
        served_as = answer.headers["content-type"]
        check(f"{part.digest} is served as {served_as}", holds=part in content.blobs or served_as == part.media_type)
    referrers = served.wire.ask("GET", f"/v2/{repository}/referrers/{content.index.digest}").document()
    check("the signature is not among the referrers", holds=content.signature.digest in json.dumps(referrers))


def delete_and_miss(served: Served, content: Content) -> str:
    """Delete the image with all that belongs to it, and find nothing. Returns the change's id."""
    run(served, "rm", f"{served.address}/{KEPT}:latest", "--reason", "demonstration")
    change = served.last_change(KEPT)
    answers = [served.wire.manifest(KEPT, "latest")]
    answers += [served.wire.read(KEPT, part) for part in content.everything]
    check("something deleted can still be read", holds={answer.status for answer in answers} == {404})
    say(f"deleted  {KEPT}:latest (refloat rm); tag, index, platforms, layers, signature: all "
        f"{len(answers)} answer 404")
    return change


def let_a_window_end(served: Served, content: Content) -> None:
    """Show that a deleted image's bytes leave the disk when its window ends, and no others."""
    restart(served, SHORT)
    say("restarted with a window of 2 s for what is deleted from now on")
    push(served, FLEETING, content)
    own = {part.digest for part in content.own_blobs}
    size = sum(len(part.body) for part in content.own_blobs)
    check("pushed bytes are not on the disk", holds=own <= on_disk(served))
    run(served, "rm", f"{served.address}/{FLEETING}:latest")
    started = time.monotonic()
    wait_until(lambda: not own & on_disk(served), PATIENCE, lambda: "bytes stay on the disk after their window")
    say(f"deleted  {FLEETING}:latest; its window ended, and {len(own)} files, {mib(size)}, left the disk after "
        f"{time.monotonic() - started:.0f} s")


def on_disk(served: Served) -> set[str]:
    """Return the digests of all blob files on the disk, from their bytes, whatever their names."""
    found = set()
    for path in served.files():
        try:
            found.add(digest_of(path.read_bytes()))
        except FileNotFoundError:
            continue
    return found


def undo(served: Served, change: str, content: Content) -> None:
    run(served, "undo", change)
    compare(served, KEPT, content)
    say(f"undone   {change}: {KEPT}:latest is back, {len(content.everything)} of {len(content.everything)} parts "
        "byte-identical")


def with_skopeo(served: Served, content: Content, place: Path) -> None:
    """The same with skopeo, where it exists."""
    skopeo = shutil.which("skopeo")
    if skopeo is None:
        say("skopeo   is not here")
        return
    reference = f"docker://{served.address}/demo/skopeo:latest"
    parts = index_parts(content)
    layout = write_layout(place / "layout", parts, content.index, "latest")
    copy = [skopeo, "--insecure-policy", "copy", "--quiet", "--all"]
    program(*copy, "--dest-tls-verify=false", f"oci:{layout}:latest", reference)
    program(skopeo, "delete", "--tls-verify=false", reference)
    check("skopeo's delete left the tag", holds=served.wire.manifest("demo/skopeo", "latest").status == 404)
    run(served, "undo", served.last_change("demo/skopeo"))
    program(*copy, "--src-tls-verify=false", reference, f"oci:{place / 'back'}:latest")
    same_files(place / "layout" / "blobs" / "sha256", place / "back" / "blobs" / "sha256", parts)
    say(f"skopeo   pushed, deleted, undone, pulled: {len(parts)} files the same")


def same_files(before: Path, after: Path, parts: tuple[Part, ...]) -> None:
    names = [part.digest.partition(":")[2] for part in parts]
    check("other files came back", holds={path.name for path in after.iterdir()} == set(names))
    for name in names:
        check(f"{name} came back with other bytes", holds=(before / name).read_bytes() == (after / name).read_bytes())


def with_podman(served: Served, place: Path) -> None:
    """The same with podman, where it exists and may keep images; deleting in a registry is not among its verbs."""
    podman = shutil.which("podman")
    (place / "user").mkdir(mode=0o700)
    base = ["env", f"XDG_RUNTIME_DIR={place}/user", podman or "", f"--root={place}/store", f"--runroot={place}/run",
            "--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--events-backend=file", f"--tmpdir={place}/tmp"]
    if podman is None or subprocess.run([*base, "info"], capture_output=True, check=False).returncode:
        say("podman   cannot run here" if podman else "podman   is not here")
        return
    try:
        reference = f"{served.address}/demo/podman:latest"
        image = push_and_pull_with_podman(served, base, reference, place)
    finally:
        program(*base, "rmi", "--all", "--force")
        end_podman(place / "tmp" / "pause.pid")
    say(f"podman   pushed, deleted, undone, pulled: image {image[:12]} the same")


def push_and_pull_with_podman(served: Served, base: list[str], reference: str, place: Path) -> str:
    """Push, delete, undo, pull, compare. Returns the image's id."""
    content = make_content("podman")
    layout = write_layout(place / "podman", image_parts(content), content.amd64, "latest")
    image = program(*base, "pull", "--quiet", f"oci:{layout}:latest").split()[-1]
    program(*base, "push", "--quiet", "--tls-verify=false", image, f"docker://{reference}")
    pushed = served.wire.manifest("demo/podman", "latest").expect(200)
    program(*base, "rmi", "--all", "--force")
    run(served, "rm", reference)
    check("rm left the tag", holds=served.wire.manifest("demo/podman", "latest").status == 404)
    run(served, "undo", served.last_change("demo/podman"))
    pulled = program(*base, "pull", "--quiet", "--tls-verify=false", f"docker://{reference}").split()[-1]
    check(f"podman pulled {pulled}, not {image}", holds=pulled == image)
    check("the manifest differs", holds=served.wire.manifest("demo/podman", "latest").body == pushed.body)
    return image


def end_podman(number: Path) -> None:
    """End the process that podman leaves behind when it is not root, by the number it wrote down."""
    if number.exists():
        os.kill(int(number.read_text()), signal.SIGKILL)


def run(served: Served, *arguments: str) -> None:
    """Run the command line. Raises Differs if it fails."""
    done = served.refloat(*arguments)
    check(f"refloat {' '.join(arguments)} ended with {done.returncode}: {done.stderr}", holds=done.returncode == 0)


def program(*command: str) -> str:
    """Run another program and return what it printed. Raises Differs if it fails."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    check(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}", holds=done.returncode == 0)
    return done.stdout


def leave_running(served: Served) -> None:
    """Say what to try on the server, and let go of it."""
    process, served.process = served.process, None
    number = process.pid if process else 0
    say(f"""
The server keeps running, with the shipped window of 30 days. Try:
  export REFLOAT_HOST={served.address}
  {REFLOAT} ls
  {REFLOAT} history {KEPT}:latest
  {REFLOAT} rm {KEPT}:latest
  {REFLOAT} trash
  {REFLOAT} undo
  curl http://{served.address}/v2/_catalog
End it with  kill {number} && rm -r {served.root.parent}""")


if __name__ == "__main__":
    sys.exit(main())
