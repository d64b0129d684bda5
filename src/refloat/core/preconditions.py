"""What a request may ask about the value a reference has now. RFC 9110 section 13.1."""

from dataclasses import dataclass

from refloat.core.errors import PreconditionFailed
from refloat.core.names import Digest, Reference


@dataclass(frozen=True, slots=True)
class Precondition:
    """`If-Match` and `If-None-Match` as they came; None: nothing was asked."""

    if_match: str | None = None
    if_none_match: str | None = None

    def refuse(self, reference: Reference, current: Digest | None) -> None:
        """Raise PreconditionFailed where `reference`, which is at `current`, is not as it was to be."""
        if self.if_match is not None and not _names(self.if_match, current):
            raise PreconditionFailed(f"{reference} is at {current or 'nothing'}", {"digest": current})
        if self.if_none_match is not None and _names(self.if_none_match.replace("W/", ""), current):
            raise PreconditionFailed(f"{reference} is there already, at {current}", {"digest": current})


ANY_VALUE = Precondition()


def _names(header: str, current: Digest | None) -> bool:
    """Does a list of entity tags name this value? `*` names every one that is there."""
    tags = {tag.strip() for tag in header.split(",")}
    return current is not None and ("*" in tags or f'"{current}"' in tags or current in tags)
