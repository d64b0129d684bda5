"""What refers to a manifest, as lists of referrers have it. Spec: "Listing Referrers"."""

from dataclasses import dataclass

from refloat.core.records import ManifestFacts


@dataclass(frozen=True, slots=True)
class Referrer(ManifestFacts):
    """A manifest that refers to another, with its body: what that says of itself goes into the list of referrers."""

    body: bytes


@dataclass(frozen=True, slots=True)
class ReferrersAsked:
    """Which referrers: of one type, after a digest, at most `limit`, and bodies of `most` bytes; each may be open."""

    artifact_type: str | None = None
    after: str = ""
    limit: int | None = None
    most: int | None = None
