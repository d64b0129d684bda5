"""A media type: of a Content-Type, or of a body's own field."""

from pathlib import Path
from random import Random

from tools.fuzz import growing
from tools.fuzz.target import Target, Try, Verdict, must

PIECES = (
    "application", "text", "image", "multipart", "/", "html", "svg+xml", "vnd.oci.image.manifest.v1+json", "json", ";",
    " ", "charset=utf-8", "\r\n", "\x00", "\xe9", "x" * 200, "+", ".", "*", ",", "xml", "javascript", "\t", "q=1",
    "vnd.docker.distribution.manifest.v1+prettyjws", "vnd.oci.image.index.v1+json", "octet-stream",
)  # fmt: skip
IMAGE, INDEX = "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json"
CONFIG = {"digest": "sha256:" + "a" * 64}
SHAPES: tuple[dict[str, object], ...] = (
    {"schemaVersion": 2, "config": CONFIG, "layers": None}, {"schemaVersion": 2, "config": CONFIG, "manifests": []},
    {}, {"manifests": []}, {"config": {}}, {"layers": []}, {"schemaVersion": 1}, {"schemaVersion": 1, "signatures": []},
    {"schemaVersion": 2, "manifests": []}, {"schemaVersion": 2, "config": {}}, {"schemaVersion": 2, "mediaType": 5},
)  # fmt: skip


def grow(dice: Random) -> bytes:
    """Return something like a type, after a byte that says where it stands."""
    if dice.random() < 0.003:
        said = growing.long_of(dice, PIECES)
    elif dice.random() < 0.5:
        said = f"{dice.choice(PIECES)}/{dice.choice(PIECES)}" + dice.choice(("", "; charset=utf-8", "+json"))
    else:
        said = "".join(dice.choice(PIECES) for _ in range(dice.randrange(7)))
    return bytes([dice.randrange(256)]) + said.encode()


def alter(dice: Random, data: bytes) -> bytes:
    """Splice pieces into a type."""
    return data[:1] + growing.spliced(dice, data[1:], PIECES)


def open_(place: Path) -> Try:
    """Return what finds a manifest's type; what it accepts has to fit into a header, and back."""
    from refloat.core import media
    from refloat.core.errors import RefloatError

    def attempt(data: bytes) -> Verdict:
        switch, said = (data[0], data[1:].decode("latin-1")) if data else (0, "")
        document = dict(SHAPES[switch % len(SHAPES)])
        declared = (said, "", IMAGE, INDEX)[switch & 3]
        if switch & 4:
            document["mediaType"] = (said, INDEX)[switch >> 3 & 1]
        if switch & 16:
            document["artifactType"] = said
        stored = IMAGE if switch & 96 == 96 else None
        try:
            found = media.media_type_of(document, media.bare(declared), stored)
            media.refuse_confusion(document, found)
            refusal = media.refusal_of(document, found)
        except RefloatError:
            return "refused" if _looks_like_one(said) else "syntax"
        if refusal is not None:
            return "refused" if _looks_like_one(said) else "syntax"
        must(not media.is_active(found), found)
        must(found.isascii(), found)
        must(found.isprintable(), found)
        must(len(found) <= 255, len(found))
        return "accepted"

    return attempt


def _looks_like_one(said: str) -> bool:
    kind, slash, rest = said.partition("/")
    return bool(kind and slash and rest) and kind.isalnum()


TARGET = Target(
    name="media_type",
    modules=("refloat.core.media",),
    grow=grow,
    alter=alter,
    open=open_,
    planted=("refloat.core.media", "bare"),
)
