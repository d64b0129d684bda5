"""A manifest as the registry reads it: its type, what it needs, what it speaks about.

The bytes themselves are never changed. Spec: OCI Image 1.1 "Image Manifest", "Image Index";
OCI Distribution 1.1 "Pushing Manifests".
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import msgspec

from refloat.core.errors import DigestInvalid, ManifestInvalid
from refloat.core.media import IMAGES, INDEXES, media_type_of, refuse_confusion
from refloat.core.names import Digest

MAX_SIZE = 4 * 1024 * 1024
MAX_DEPTH = 64
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
    """What a manifest says, beside its bytes."""

    media_type: str
    artifact_type: str | None
    subject: Digest | None
    annotations: Mapping[str, str]
    needs: tuple[Need, ...]  # each digest once, the required reading of it first


def parse(body: bytes, declared: str, stored: str | None = None) -> Manifest:
    """Read a manifest.

    `declared` is the request's Content-Type; `stored` the type this digest already has here. A stored
    type never changes; an absent or generic one is taken from the stored row, else the body's
    `mediaType`, else the body's shape. Raises ManifestInvalid with a sentence.
    """
    document = _document(body)
    declared = declared.partition(";")[0].strip().lower()
    media_type = media_type_of(document, declared, stored)
    if stored is not None and media_type != stored:
        raise ManifestInvalid(f"this digest is stored here as {stored}; its type does not change")
    refuse_confusion(document, media_type)
    return Manifest(
        media_type=media_type,
        artifact_type=_artifact_type(document, media_type),
        subject=_subject(document),
        annotations=_annotations(document),
        needs=_needs(document, media_type),
    )


def annotations_of(body: bytes) -> Mapping[str, str]:
    """Return the annotations of a stored manifest; spec "Listing Referrers" hands them on."""
    return _annotations(_document(body))


def _document(body: bytes) -> dict[str, object]:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as problem:
        raise ManifestInvalid(f"the manifest is not JSON: {problem}") from None
    if not isinstance(document, dict):
        raise ManifestInvalid("the manifest is not a JSON object")
    return document


def _artifact_type(document: dict[str, object], media_type: str) -> str | None:
    """Spec "Listing Referrers": the artifactType, or for an image manifest its config's mediaType."""
    own = document.get("artifactType")
    if isinstance(own, str) and own:
        return own
    config = document.get("config")
    if media_type in IMAGES and isinstance(config, dict) and isinstance(config.get("mediaType"), str):
        return str(config["mediaType"])
    return None


def _subject(document: dict[str, object]) -> Digest | None:
    subject = document.get("subject")
    if subject is None:
        return None
    if not isinstance(subject, dict):
        raise ManifestInvalid("subject is not a descriptor")
    return _digest(subject, "subject")


def _annotations(document: dict[str, object]) -> dict[str, str]:
    annotations = document.get("annotations")
    if annotations is None:
        return {}
    if not isinstance(annotations, dict) or not all(isinstance(text, str) for text in annotations.values()):
        raise ManifestInvalid("annotations are not a map of strings")
    return {str(name): str(text) for name, text in annotations.items()}


def _needs(document: dict[str, object], media_type: str) -> tuple[Need, ...]:
    if media_type in IMAGES:
        found = list(_image_needs(document))
    elif media_type in INDEXES:
        found = [Need(_digest(entry, "manifests"), "child", required=False) for entry in _list(document, "manifests")]
    else:
        found = [Need(digest, "other", required=False) for digest in _descriptors(document, 0)]
    once: dict[Digest, Need] = {}
    for need in sorted(found, key=lambda need: not need.required):
        once.setdefault(need.digest, need)
    return tuple(once.values())


def _image_needs(document: dict[str, object]) -> Iterator[Need]:
    yield Need(_digest(document["config"], "config"), "config", required=True)
    for entry in _list(document, "layers"):
        elsewhere = isinstance(entry, dict) and bool(entry.get("urls"))
        yield Need(_digest(entry, "layers"), "layer", required=not elsewhere)


def _descriptors(value: object, depth: int) -> Iterator[Digest]:
    """Every `{"digest": …}` and `{"blobSum": …}` in a body whose type we do not know."""
    if depth > MAX_DEPTH:
        raise ManifestInvalid(f"the manifest is nested deeper than {MAX_DEPTH}")
    if isinstance(value, list):
        for inner in value:
            yield from _descriptors(inner, depth + 1)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name in ("digest", "blobSum"):
                yield from _own_digest(inner)
            elif name != "subject":
                yield from _descriptors(inner, depth + 1)


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
