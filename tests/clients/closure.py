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


def _blob(wire: Wire, repository: str, digest: str) -> bytes:
    body = wire.blob(repository, digest).expect(200).body
    if digest_of(body) != digest:
        raise RuntimeError(f"the blob {digest} has other bytes")
    return body
