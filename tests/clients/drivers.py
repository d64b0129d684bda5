"""How each real client pushes, pulls and deletes. The test knows only their common face, `Client`."""

import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from tests.programs import run
from tools.content import Content, image_parts, index_parts, write_layout

Kind = Literal["image", "index"]

TAG = "made"
"""The tag inside the OCI layouts that are pushed from."""


@dataclass(frozen=True)
class Pulled:
    """What a client says it got: every digest it names, and the bytes by digest where it shows them."""

    digests: frozenset[str]
    bodies: dict[str, bytes]


class Client(Protocol):
    """A client at work in a directory of its own. References are HOST:PORT/REPOSITORY:TAG."""

    can_delete: bool

    def push(self, kind: Kind, content: Content, reference: str) -> None: ...

    def pull(self, kind: Kind, reference: str) -> Pulled: ...

    def pull_signed(self, reference: str) -> Pulled:
        """Pull an index, with its referrers if the client knows how."""

    def delete(self, reference: str) -> None: ...


def source(directory: Path, kind: Kind, content: Content) -> Path:
    """Write the OCI layout to push from, once, and return where it is."""
    place = directory / f"source-{kind}"
    if not place.exists():
        if kind == "image":
            write_layout(place, image_parts(content), content.amd64, TAG)
        else:
            write_layout(place, index_parts(content), content.index, TAG)
    return place


def from_layout(layout: Path) -> Pulled:
    """Read what a client wrote as an OCI layout."""
    bodies = {f"sha256:{path.name}": path.read_bytes() for path in (layout / "blobs" / "sha256").iterdir()}
    return Pulled(frozenset(bodies), bodies)


class LayoutClient:
    """What the clients that copy between layouts and registries have in common."""

    can_delete = True

    def __init__(self, program: Path, directory: Path) -> None:
        self.program = program
        self.directory = directory
        self.pulls = 0

    def empty(self) -> Path:
        """Return a path that does not exist yet, to pull into."""
        self.pulls += 1
        return self.directory / f"pulled-{self.pulls}"

    def pull(self, kind: Kind, reference: str) -> Pulled:
        raise NotImplementedError

    def pull_signed(self, reference: str) -> Pulled:
        """Pull the index alone."""
        return self.pull("index", reference)


class Skopeo(LayoutClient):
    """skopeo: `copy`, `delete`."""

    def push(self, kind: Kind, content: Content, reference: str) -> None:
        layout = f"oci:{source(self.directory, kind, content)}:{TAG}"
        self._copy(kind, "--dest-tls-verify=false", layout, f"docker://{reference}")

    def pull(self, kind: Kind, reference: str) -> Pulled:
        place = self.empty()
        self._copy(kind, "--src-tls-verify=false", f"docker://{reference}", f"oci:{place}:{TAG}")
        return from_layout(place)

    def delete(self, reference: str) -> None:
        run(self.program, "delete", "--tls-verify=false", f"docker://{reference}")

    def _copy(self, kind: Kind, flag: str, origin: str, target: str) -> None:
        whole = ["--all"] if kind == "index" else []
        run(self.program, "--insecure-policy", "copy", "--quiet", *whole, flag, origin, target)


class Crane(LayoutClient):
    """crane: `push`, `pull`, `delete`."""

    def push(self, kind: Kind, content: Content, reference: str) -> None:
        run(self.program, "push", "--insecure", source(self.directory, kind, content), reference)

    def pull(self, kind: Kind, reference: str) -> Pulled:
        place = self.empty()
        run(self.program, "pull", "--insecure", "--format=oci", reference, place)
        return from_layout(place)

    def delete(self, reference: str) -> None:
        run(self.program, "delete", "--insecure", reference)


class Oras(LayoutClient):
    """oras: `cp`, `manifest delete`."""

    def push(self, kind: Kind, content: Content, reference: str) -> None:
        layout = f"{source(self.directory, kind, content)}:{TAG}"
        run(self.program, "cp", "--no-tty", "--from-oci-layout", "--to-plain-http", layout, reference)

    def pull(self, kind: Kind, reference: str) -> Pulled:
        return self._copy(reference)

    def pull_signed(self, reference: str) -> Pulled:
        """Pull the index with its referrers and theirs."""
        return self._copy(reference, "--recursive")

    def _copy(self, reference: str, *flags: str) -> Pulled:
        place = self.empty()
        layout = f"{place}:{TAG}"
        run(self.program, "cp", "--no-tty", *flags, "--from-plain-http", "--to-oci-layout", reference, layout)
        return from_layout(place)

    def delete(self, reference: str) -> None:
        run(self.program, "manifest", "delete", "--plain-http", "--force", reference)


class Regctl(LayoutClient):
    """regctl: `image copy`, `manifest delete`."""

    def push(self, kind: Kind, content: Content, reference: str) -> None:
        layout = f"ocidir://{source(self.directory, kind, content)}:{TAG}"
        self._regctl(reference, "image", "copy", layout, reference)

    def pull(self, kind: Kind, reference: str) -> Pulled:
        return self._copy(reference)

    def pull_signed(self, reference: str) -> Pulled:
        """Pull the index with its referrers."""
        return self._copy(reference, "--referrers")

    def _copy(self, reference: str, *flags: str) -> Pulled:
        place = self.empty()
        self._regctl(reference, "image", "copy", *flags, reference, f"ocidir://{place}:{TAG}")
        return from_layout(place)

    def delete(self, reference: str) -> None:
        self._regctl(reference, "manifest", "delete", "--force-tag-dereference", reference)

    def untag(self, reference: str) -> None:
        """Delete a tag and nothing else; where a registry cannot, by pushing something over it and deleting that."""
        self._regctl(reference, "tag", "delete", reference)

    def _regctl(self, reference: str, *arguments: str) -> None:
        host = f"reg={reference.partition('/')[0]},tls=disabled"
        config = str(self.directory / "regctl.json")
        run(self.program, "--host", host, *arguments, env={"REGCTL_CONFIG": config})


class Storing:
    """What the clients with a local image store have in common."""

    can_delete = False

    def __init__(self, command: Sequence[str | Path], directory: Path, env: dict[str, str]) -> None:
        self.command = command
        self.directory = directory
        self.env = env

    def run(self, *arguments: str | Path) -> str:
        """Run the client with the options that keep it in its own directory."""
        return run(*self.command, *arguments, env=self.env)

    def pull(self, kind: Kind, reference: str) -> Pulled:
        raise NotImplementedError

    def pull_signed(self, reference: str) -> Pulled:
        """Pull the platform of this machine."""
        return self.pull("index", reference)

    def delete(self, reference: str) -> None:
        raise NotImplementedError("this client has no command that deletes in a registry")


class Podman(Storing):
    """podman, and buildah, which shares its words: `pull`, `push`, `manifest`."""

    def push(self, kind: Kind, content: Content, reference: str) -> None:
        layout = f"oci:{source(self.directory, kind, content)}:{TAG}"
        if kind == "image":
            image = self.run("pull", "--quiet", layout).split()[-1]
            self.run("push", "--quiet", "--tls-verify=false", image, f"docker://{reference}")
        else:
            self.run("manifest", "create", "local/index")
            self.run("manifest", "add", "--all", "local/index", layout)
            self.run("manifest", "push", "--all", "--tls-verify=false", "local/index", f"docker://{reference}")
        self._forget()

    def pull(self, kind: Kind, reference: str) -> Pulled:
        self._forget()
        self.run("pull", "--quiet", "--tls-verify=false", f"docker://{reference}")
        return Pulled(frozenset(self._digests(reference)), {})

    def _digests(self, reference: str) -> list[str]:
        found = json.loads(self.run("image", "inspect", reference))[0]
        names = [name.rpartition("@")[2] for name in found["RepoDigests"]]
        return [*names, found["Digest"], f"sha256:{found['Id']}"]

    def _forget(self) -> None:
        self.run("rmi", "--all", "--force")


class Buildah(Podman):
    """buildah: differs from podman in how it tells what it has."""

    def _digests(self, reference: str) -> list[str]:
        found = json.loads(self.run("inspect", "--type", "image", reference))
        return [found["FromImageDigest"], f"sha256:{found['FromImageID']}"]


class Docker(Storing):
    """docker: `load`, `push`, `pull`, and `manifest` for an index."""

    def push(self, kind: Kind, content: Content, reference: str) -> None:
        if kind == "image":
            self._push_one(content, 0, reference)
            return
        parts = [f"{reference}-{number}" for number in range(len(content.manifests))]
        for number, part in enumerate(parts):
            self._push_one(content, number, part)
        self.run("manifest", "create", "--insecure", reference, *parts)
        self.run("manifest", "push", "--insecure", "--purge", reference)

    def _push_one(self, content: Content, number: int, reference: str) -> None:
        archive = saved_image(self.directory / "saved.tar", content, number, reference)
        self.run("load", "--quiet", "--input", archive)
        self.run("push", "--quiet", reference)

    def pull(self, kind: Kind, reference: str) -> Pulled:
        for image in set(self.run("images", "--quiet", "--no-trunc").split()):
            self.run("rmi", "--force", image)
        self.run("pull", "--quiet", reference)
        found = json.loads(self.run("image", "inspect", reference))[0]
        names = [name.rpartition("@")[2] for name in found["RepoDigests"]]
        return Pulled(frozenset([*names, found["Id"]]), {})


def saved_image(archive: Path, content: Content, number: int, reference: str) -> Path:
    """Write what `docker save` writes for one platform of `content`. Returns `archive`."""
    bodies = {part.digest: part.body for part in content.blobs}
    document = json.loads(content.manifests[number].body)
    names = [document["config"]["digest"], *(layer["digest"] for layer in document["layers"])]
    files = {name.partition(":")[2]: bodies[name] for name in names}
    listed = [{"Config": names[0][7:], "RepoTags": [reference], "Layers": [name[7:] for name in names[1:]]}]
    files["manifest.json"] = json.dumps(listed).encode()
    work = archive.with_suffix(".d")
    work.mkdir(exist_ok=True)
    with tarfile.open(archive, "w") as out:
        for name, body in files.items():
            (work / name).write_bytes(body)
            out.add(work / name, name)
    return archive
