"""Protected tags: once pushed they stay what they are, whatever verb asks."""

from collections.abc import Iterable, Mapping, Sequence

from refloat.core.errors import ProtectedTag
from refloat.core.moves import Move, View, Wish
from refloat.core.names import Reference, RepositoryName, Tag
from refloat.core.patterns import ImagePattern, row_of


def protecting(
    patterns: Sequence[ImagePattern], repository: RepositoryName, references: Iterable[Reference]
) -> Mapping[Reference, ImagePattern]:
    """Return which references are protected, each by which pattern first.

    A manifest's own digest is held by its protected tags.
    """
    row = row_of(reference for reference in references if isinstance(reference, Tag))
    found: dict[Reference, ImagePattern] = {}
    for pattern in patterns:
        if pattern.matches_repository(repository):
            for tag in row.texts_ending_at(pattern.tag_glob.ends_in(row)):
                found.setdefault(tag, pattern)
    return found


def protected_in(
    patterns: Sequence[ImagePattern], repository: RepositoryName, view: View, wish: Wish
) -> list[Reference]:
    """Return the references whose wish would move a protected tag."""
    protected = protecting(patterns, repository, wish) if patterns else {}
    return [
        reference
        for reference, value in wish.items()
        if reference in protected and view.value(reference) not in (None, value)
    ]


def refuse_protected(patterns: Sequence[ImagePattern], repository: RepositoryName, moves: Iterable[Move]) -> None:
    """Raise ProtectedTag where a protected tag would get another value or none; a first value it may get."""
    if not patterns:
        return
    moving = [move.reference for move in moves if move.old is not None]
    protected = protecting(patterns, repository, moving)
    refused = [reference for reference in moving if reference in protected]
    if refused:  # guard: protected-tags-stay
        tag, pattern = refused[0], protected[refused[0]]
        more = f" ({len(refused)} protected tags are in the way)" if len(refused) > 1 else ""
        raise ProtectedTag(
            f"{repository}:{tag} is protected by {pattern} and cannot be moved or deleted{more}",
            {
                "repository": repository,
                "tag": tag,
                "pattern": str(pattern),
                "tags": refused[:100],
                "tags_total": len(refused),
            },
        )
