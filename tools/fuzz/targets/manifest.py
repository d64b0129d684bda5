"""The body of a manifest, with a Content-Type and perhaps a stored type: the first byte says which."""

import json
from pathlib import Path
from random import Random

from tools.fuzz import growing
from tools.fuzz.target import Target, Try, Verdict, must

DIGESTS = ("sha256:" + "a" * 64, "sha256:" + "b" * 64, "sha512:" + "c" * 128, "blake3:" + "d" * 64, "sha256:xyz", "")
IMAGE, INDEX = "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json"
TYPES = (
    IMAGE, INDEX, "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.example.thing+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws", "application/json", "text/html", "a/b\r\nX: y", "",
)  # fmt: skip
DECLARED = (
    "", IMAGE, INDEX, "application/json", "application/vnd.example+json", "text/html", "text/plain; charset=utf-8",
)  # fmt: skip
LARGE = 0.005  # share of bodies that are as large as bodies may be here


def grow(dice: Random) -> bytes:
    """Return a body that is nearly a manifest."""
    document: dict[str, object] = {"schemaVersion": 2 if dice.random() < 0.9 else dice.choice((1, "2", None, 2.0))}
    if dice.random() < 0.7:
        document["mediaType"] = dice.choice(TYPES)
    _fill(dice, document)
    for name in ("subject", "annotations", "artifactType"):
        if dice.random() < 0.3:
            document[name] = _field(dice, name)
    return bytes([dice.randrange(256)]) + growing.encoded(document)


def _fill(dice: Random, document: dict[str, object]) -> None:
    many = dice.randrange(400) if dice.random() < LARGE else dice.randrange(4)
    kind = dice.randrange(4)
    if kind == 0:
        document["manifests"] = [descriptor(dice) for _ in range(many)]
    elif kind == 1:
        document["config"], document["layers"] = descriptor(dice), [descriptor(dice) for _ in range(many)]
    elif kind == 2:
        document["fsLayers"] = [{"blobSum": dice.choice(DIGESTS)} for _ in range(many)]
    else:
        document["thing"] = _nested(dice, many)


def descriptor(dice: Random) -> dict[str, object]:
    """Return a descriptor, sometimes with a digest that is none."""
    digest = dice.choice(DIGESTS) if dice.random() < 0.3 else f"sha256:{dice.randrange(1 << 60):064x}"
    found: dict[str, object] = {"mediaType": dice.choice(TYPES), "digest": digest, "size": dice.randrange(1 << 40)}
    if dice.random() < 0.1:
        found["urls"] = dice.choice((["https://example.com/x"], [], None, "x"))
    return found


def _field(dice: Random, name: str) -> object:
    if name == "subject":
        return dice.choice(({"mediaType": "", "digest": "", "size": 0}, descriptor(dice), None, [], "x"))
    if name == "annotations":
        return {dice.choice(growing.ODD_TEXTS): dice.choice(growing.ODD_TEXTS) for _ in range(dice.randrange(5))}
    return dice.choice(TYPES)


def _nested(dice: Random, many: int) -> object:
    inner: object = descriptor(dice)
    for _ in range(many if dice.random() < 0.5 else dice.randrange(80)):
        inner = [inner] if dice.random() < 0.5 else {"x": inner}
    return inner


def alter(dice: Random, data: bytes) -> bytes:
    """Change some values of a body, and sometimes its bytes."""
    if dice.random() < 0.1:
        return growing.spliced(dice, data, ('"', "{", "}", "[", ",", "\\ud800", "1e999", "\x00"))
    return data[:1] + growing.json_altered(dice, data[1:], _value)


def _value(dice: Random) -> object:
    return dice.choice((descriptor(dice), [descriptor(dice)], dice.choice(DIGESTS), dice.choice(TYPES)))


def open_(place: Path) -> Try:
    """Return what reads a manifest as a push does."""
    from refloat.core import manifest
    from refloat.core.errors import RefloatError

    def attempt(data: bytes) -> Verdict:
        switch, body = (data[0], data[1:]) if data else (0, b"")
        stored = TYPES[switch % 5] if switch >= 192 else None
        try:
            read = manifest.parse(body, DECLARED[switch % len(DECLARED)], stored)
            manifest.annotations_of(body)
            must(read.media_type, data)
        except RefloatError:
            return "refused" if _is_object(body) else "syntax"
        return "accepted"

    return attempt


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False


TARGET = Target(
    name="manifest",
    modules=("refloat.core.manifest",),
    grow=grow,
    alter=alter,
    open=open_,
    planted=("refloat.core.manifest", "parse"),
)
