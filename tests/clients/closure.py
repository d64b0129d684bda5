"""Everything that belongs to an image, read over the wire, with its bytes."""

import json
from dataclasses import dataclass

from tools.content import INDEX, digest_of
from tools.wire import DOCKER_LIST, Wire


@dataclass(frozen=True)
class Closure:
    """A manifest and all it needs. Two are equal if every byte, digest and media type is."""

    digest: str
    media_types: dict[str, str]
    bodies: dict[str, bytes]


def read_closure(wire: Wire, repository: str, reference: str) -> Closure:
    """Read an image whole, checking each digest. Raises RuntimeError if anything is missing or differs."""
    top = ""
    types: dict[str, str] = {}
    bodies: dict[str, bytes] = {}
    waiting = [reference]
    while waiting:
        answer = wire.manifest(repository, waiting.pop()).expect(200)
        digest = digest_of(answer.body)
        if answer.headers["docker-content-digest"] != digest:
            raise RuntimeError(f"{digest} is served as {answer.headers['docker-content-digest']}")
        top = top or digest
        types[digest], bodies[digest] = answer.headers["content-type"], answer.body
        document = json.loads(answer.body)
        if types[digest] in (INDEX, DOCKER_LIST):
            waiting += [entry["digest"] for entry in document["manifests"]]
            continue
        for entry in (document["config"], *document["layers"]):
            bodies[entry["digest"]] = _blob(wire, repository, entry["digest"])
    return Closure(top, types, bodies)


@dataclass(frozen=True)
class Inventory:
    """All that clients can read in a repository: its tags, and what refers to the images on them."""

    tags: dict[str, Closure]
    referrers: dict[str, bytes]
    attached: dict[str, Closure]

    @property
    def bodies(self) -> dict[str, bytes]:
        """Every manifest and blob by its digest."""
        closures = (*self.tags.values(), *self.attached.values())
        return {digest: body for closure in closures for digest, body in closure.bodies.items()}


def read_inventory(wire: Wire, repository: str) -> Inventory:
    """Read a repository whole. Raises RuntimeError as `read_closure` does."""
    listed = json.loads(wire.ask("GET", f"/v2/{repository}/tags/list").expect(200).body)["tags"]
    tags = {tag: read_closure(wire, repository, tag) for tag in listed}
    referrers: dict[str, bytes] = {}
    attached: dict[str, Closure] = {}
    waiting = [digest for closure in tags.values() for digest in closure.media_types]
    while waiting:
        subject = waiting.pop()
        if subject in referrers:
            continue
        referrers[subject] = wire.ask("GET", f"/v2/{repository}/referrers/{subject}").expect(200).body
        for entry in json.loads(referrers[subject])["manifests"]:
            attached[entry["digest"]] = read_closure(wire, repository, entry["digest"])
            waiting.append(entry["digest"])
    return Inventory(tags, referrers, attached)


def _blob(wire: Wire, repository: str, digest: str) -> bytes:
    body = wire.blob(repository, digest).expect(200).body
    if digest_of(body) != digest:
        raise RuntimeError(f"the blob {digest} has other bytes")
    return body
