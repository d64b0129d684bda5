"""A manifest as the registry reads it: its type, what it needs, what it speaks about.

The bytes themselves are never changed. Spec: OCI Image 1.1 "Image Manifest", "Image Index";
OCI Distribution 1.1 "Pushing Manifests".
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from refloat.core import media
from refloat.core.descriptors import document_in, is_foreign, is_zero
from refloat.core.document import MAX_NESTING, TOO_DEEP, read
from refloat.core.errors import DigestInvalid, ManifestInvalid
from refloat.core.media import IMAGES, INDEXES
from refloat.core.names import Digest, printable
from refloat.core.nesting import is_deeper

MAX_SIZE = 4 * 1024 * 1024
MAX_DEPTH = 64  # levels, in a body whose type we do not know
MOST_NAMED = 30_000
"""Different digests that one manifest names, of whatever kind: each is a row, and others wait for it."""
LEAST_DESCRIPTOR = len('{"digest":"sha256:"},') + 64  # bytes

Kind = Literal["config", "layer", "child", "other"]


@dataclass(frozen=True, slots=True)
class Need:
    """One digest a manifest names. A required one must be held by the repository before the manifest is."""

    digest: Digest
    kind: Kind
    required: bool


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest says, beside its bytes. `refusal` is why none like it is taken where it was not before, if so."""

    media_type: str
    artifact_type: str | None
    subject: Digest | None
    annotations: Mapping[str, str]
    needs: tuple[Need, ...]  # each digest once, the required reading of it first
    refusal: str | None = None


def parse(body: bytes, declared: str, stored: str | None = None) -> Manifest:
    """Read a manifest.

    `declared` is the request's Content-Type; `stored` the type this digest has here, where it is to be read as that.
    An absent or generic type is taken from the stored row, else the body's `mediaType`, else the body's shape.
    Raises ManifestInvalid with a sentence.
    """
    document = read(body)
    media_type = media.media_type_of(document, media.bare(declared), stored)
    if stored is not None and media_type not in (stored, stored.lower()):
        raise ManifestInvalid(f"this digest is stored here as {printable(stored)}; its type does not change")
    media_type = media_type if stored is None else stored
    media.refuse_confusion(document, media_type)
    return Manifest(
        media_type=media_type,
        artifact_type=_artifact_type(document, media_type),
        subject=_subject(document),
        annotations=_annotations(document),
        needs=_needs(document, media_type),
        refusal=_depth_refusal(body, document) or media.refusal_of(document, media_type),
    )


def _depth_refusal(body: bytes, document: dict[str, object]) -> str | None:
    """Return why a new body is refused: a later reader, who begins further from the ground, might not get through."""
    may_be = body.count(b"[") + body.count(b"{") > MAX_NESTING
    return TOO_DEEP.format(MAX_NESTING) if may_be and is_deeper(document, MAX_NESTING) else None


def annotations_of(body: bytes) -> Mapping[str, str]:
    """Return the annotations of a stored manifest; spec "Listing Referrers" hands them on."""
    try:
        return _annotations(document_in(body))
    except ManifestInvalid:  # stored when more was taken; a list of others does not fail for it
        return {}


def _artifact_type(document: dict[str, object], media_type: str) -> str | None:
    """Spec "Listing Referrers": the artifactType, or for an image manifest its config's mediaType.

    A descriptor may call its type what it likes; what is no media type is handed on as nothing's.
    """
    said, config = document.get("artifactType"), document.get("config")
    if not (isinstance(said, str) and said) and media_type in IMAGES and isinstance(config, dict):
        said = config.get("mediaType")
    return said if isinstance(said, str) and media.is_media_type(said) else None


def _subject(document: dict[str, object]) -> Digest | None:
    subject = document.get("subject")
    if subject is None or is_zero(subject):
        return None
    if not isinstance(subject, dict):
        raise ManifestInvalid("subject is not a descriptor")
    return _digest(subject, "subject")


def _annotations(document: dict[str, object]) -> dict[str, str]:
    """Return the annotations; a value that is null is read as Go reads it, as nothing."""
    annotations = document.get("annotations")
    if annotations is None:
        return {}
    if not isinstance(annotations, dict) or not all(isinstance(text, str | None) for text in annotations.values()):
        raise ManifestInvalid("annotations are not a map of strings")
    return {str(name): str(text or "") for name, text in annotations.items()}


def _needs(document: dict[str, object], media_type: str) -> tuple[Need, ...]:
    if media_type in IMAGES:
        found = list(_image_needs(document))
    elif media_type in INDEXES:
        found = [Need(_digest(entry, "manifests"), "child", required=False) for entry in _list(document, "manifests")]
    else:
        found = [Need(digest, "other", required=False) for digest in _descriptors(document)]
    once: dict[Digest, Need] = {}
    for need in sorted(found, key=lambda need: not need.required):
        once.setdefault(need.digest, need)
    return tuple(once.values())


def _image_needs(document: dict[str, object]) -> Iterator[Need]:
    yield Need(_digest(document["config"], "config"), "config", required=True)
    for entry in _list(document, "layers"):
        elsewhere = isinstance(entry, dict) and bool(entry.get("urls"))
        if not (elsewhere and is_foreign(entry)):
            yield Need(_digest(entry, "layers"), "layer", required=not elsewhere)


def _descriptors(document: dict[str, object]) -> Iterator[Digest]:
    """Every `{"digest": …}` and `{"blobSum": …}` in a body whose type we do not know, in its order."""
    pending: list[tuple[object, int]] = [(document, 0)]
    while pending:
        value, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise ManifestInvalid(TOO_DEEP.format(MAX_DEPTH))
        inner = list(value) if isinstance(value, list) else []
        for name, each in value.items() if isinstance(value, dict) else ():
            if name in ("digest", "blobSum"):
                yield from _own_digest(each)
            elif name != "subject":
                inner.append(each)
        pending += [(each, depth + 1) for each in reversed(inner)]


def _own_digest(value: object) -> Iterator[Digest]:
    """What is not written as a digest is somebody else's word for somebody else's thing."""
    with suppress(DigestInvalid):
        yield Digest.parse(value if isinstance(value, str) else "")


def _list(document: dict[str, object], name: str) -> list[object]:
    entries = document.get(name)
    if entries is None:
        return []
    if not isinstance(entries, list):
        raise ManifestInvalid(f"{name} is not a list")
    return entries


def _digest(descriptor: object, where: str) -> Digest:
    if not isinstance(descriptor, dict) or not isinstance(descriptor.get("digest"), str):
        raise ManifestInvalid(f"an entry of {where} has no digest")
    try:
        return Digest.parse(descriptor["digest"])
    except DigestInvalid as problem:
        raise ManifestInvalid(f"an entry of {where}: {problem.message}") from None
