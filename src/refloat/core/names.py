"""The specification's names, parsed once at the door; inside the program only these types travel.

Spec: OCI Distribution 1.1, "Pulling manifests" (name and reference grammar); OCI Image 1.1,
"Descriptors" (digest grammar).
"""

import hashlib
import re
from typing import Self

from refloat.core.errors import DigestInvalid, NameInvalid

ALGORITHMS = {"sha256": 64, "sha512": 128}  # algorithm -> number of hex digits

NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
OTHER_DIGEST = re.compile(r"(?!sha256:|sha512:)[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
ATTACHING = ("", ".sig", ".sbom", ".att")  # ends of tags that attach something to the digest they begin with
STEM = len("sha256-") + 64  # letters before that: a tag has no room for all of a sha512 digest
_FALLBACK = re.compile(rf"(sha256|sha512)-([0-9a-f]{{64}})(?:{'|'.join(map(re.escape, ATTACHING))})")
MAX_NAME = 255
MAX_TAG = 128


class RepositoryName(str):
    """A repository's name, at most 255 characters."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return `text` as a name. Raises NameInvalid."""
        if len(text) > MAX_NAME or not NAME.fullmatch(text):
            raise NameInvalid(f"{printable(text)} is not a repository name", {"name": printable(text)})
        return cls(text)


class Tag(str):
    """A name a person gave to a manifest, at most 128 characters."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return `text` as a tag. Raises NameInvalid."""
        if not TAG.fullmatch(text):
            raise NameInvalid(f"{printable(text)} is not a tag", {"tag": printable(text)})
        return cls(text)

    @property
    def subject(self) -> "Digest | None":
        """The digest a fallback tag (`sha256-<hex>`, `.sig`, `.sbom`, `.att`) speaks about.

        A tag has room for 64 digits only, so for sha512 this is the beginning of the digest.
        """
        match = _FALLBACK.fullmatch(self)
        return Digest(f"{match[1]}:{match[2]}") if match else None


class Digest(str):
    """`algorithm:hex` of some content; sha256 or sha512, lower case."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return `text` as a digest. Raises DigestInvalid."""
        if not DIGEST.fullmatch(text):
            raise DigestInvalid(f"{printable(text)} is not a sha256 or sha512 digest")
        return cls(text)

    @classmethod
    def of(cls, content: bytes, algorithm: str = "sha256") -> Self:
        """Return the digest of `content`."""
        return cls(f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}")

    @property
    def algorithm(self) -> str:
        return self.partition(":")[0]

    @property
    def fallback_tags(self) -> tuple[Tag, ...]:
        """The tags by which clients without the referrers API attach things to this manifest."""
        stem = self.replace(":", "-", 1)[:STEM]
        return tuple(Tag(stem + suffix) for suffix in ATTACHING)


Reference = Tag | Digest


def parse_reference(text: str) -> Reference:
    """Return a tag or a digest. Raises DigestInvalid where a colon says it means to be one, else NameInvalid."""
    return Digest.parse(text) if ":" in text else Tag.parse(text)


def image_name(repository: RepositoryName, reference: Reference) -> str:
    """Return a reference with its repository, as people write it: `REPO:TAG` or `REPO@DIGEST`."""
    return f"{repository}{'@' if isinstance(reference, Digest) else ':'}{reference}"


def printable(text: str) -> str:
    """Return user text, shortened and with anything but printable ASCII escaped, fit for a message or a log."""
    return ascii(text if len(text) <= 80 else text[:77] + "...")
