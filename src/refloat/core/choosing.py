"""Which of the references that a change moved somebody means."""

import re
from collections.abc import Sequence

from refloat.core.errors import RequestInvalid
from refloat.core.names import Digest, Tag, image_name, printable
from refloat.core.records import Change, Moved

MOST_TOLD = 100  # references that a refusal lists; it counts them all
_SHORT = re.compile(r"(?:[^@]+@)?(?:sha256|sha512):[0-9a-f]{7,127}")


def choose(change: Change, text: str | None) -> Moved:
    """Return the one move whose old value is to come back: what `text` names, else the only one that could be meant.

    `text` is `REPO:TAG` or `REPO@DIGEST`, as a refusal lists them, or the tag or digest alone; a digest may be
    shortened. Raises RequestInvalid where it names none or several, or what had no value before.
    """
    could = [moved for moved in change.moves if moved.move.old is not None]
    found = _likely(could) if text is None else _named(change.moves, text)
    if not found:
        meant = "had a value before" if text is None else f"{printable(text)} names"
        raise _not_one(f"change {change.id} moved nothing that {meant}", _likely(could), text)
    if len(found) > 1:
        raise _not_one(f"change {change.id} has {len(found)} references that could be meant; name one", found, text)
    if found[0].move.old is None:
        raise _not_one(f"{name_of(found[0])} had no value before change {change.id}", _likely(could), text)
    return found[0]


def name_of(moved: Moved) -> str:
    """Return the reference as `REPO:TAG` or `REPO@DIGEST`."""
    return image_name(moved.repository, moved.move.reference)


def _named(moves: Sequence[Moved], text: str) -> Sequence[Moved]:
    """Return what `text` names: first what is listed just so, for a repository may be called as an algorithm is."""
    whole = [moved for moved in moves if name_of(moved) == text]
    if whole:
        return whole
    bare = [moved for moved in moves if moved.move.reference == text]
    if bare or not _SHORT.fullmatch(text):
        return bare
    digests = [moved for moved in moves if isinstance(moved.move.reference, Digest)]
    return [moved for moved in digests if (name_of(moved) if "@" in text else moved.move.reference).startswith(text)]


def _likely(could: Sequence[Moved]) -> Sequence[Moved]:
    """Leave out what only went with something: tags that attach something to a digest, and digests beside tags."""
    tags = [(moved, tag) for moved in could if isinstance(tag := moved.move.reference, Tag)]
    return [moved for moved, tag in tags if tag.subject is None] or [moved for moved, _ in tags] or could


def _not_one(message: str, could: Sequence[Moved], text: str | None) -> RequestInvalid:
    return RequestInvalid(
        message,
        {
            **({} if text is None else {"reference": text}),
            "references": [name_of(moved) for moved in could[:MOST_TOLD]],
            "references_total": len(could),
        },
    )
