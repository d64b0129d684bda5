"""Protected tags: once pushed they stay what they are, whatever verb asks."""

from collections.abc import Iterable, Sequence

from refloat.core.errors import ProtectedTag
from refloat.core.moves import Move, View, Wish
from refloat.core.names import Reference, RepositoryName, Tag
from refloat.core.patterns import ImagePattern


def pattern_over(
    patterns: Sequence[ImagePattern], repository: RepositoryName, reference: Reference
) -> ImagePattern | None:
    """Return the first pattern that protects a reference. A manifest's own digest is held by its protected tags."""
    if not isinstance(reference, Tag):
        return None
    return next(
        (each for each in patterns if each.matches_repository(repository) and each.matches_tag(reference)), None
    )


def protected_in(
    patterns: Sequence[ImagePattern], repository: RepositoryName, view: View, wish: Wish
) -> list[Reference]:
    """Return the references whose wish would move a protected tag."""
    return [
        reference
        for reference, value in wish.items()
        if pattern_over(patterns, repository, reference) is not None and view.value(reference) not in (None, value)
    ]


def refuse_protected(patterns: Sequence[ImagePattern], repository: RepositoryName, moves: Iterable[Move]) -> None:
    """Raise ProtectedTag where a protected tag would get another value or none; a first value it may get."""
    if not patterns:
        return
    refused = [
        (move.reference, pattern)
        for move in moves
        if move.old is not None and (pattern := pattern_over(patterns, repository, move.reference)) is not None
    ]
    if refused:  # guard: protected-tags-stay
        tag, pattern = refused[0]
        more = f" ({len(refused)} protected tags are in the way)" if len(refused) > 1 else ""
        raise ProtectedTag(
            f"{repository}:{tag} is protected by {pattern} and cannot be moved or deleted{more}",
            {
                "repository": repository,
                "tag": tag,
                "pattern": str(pattern),
                "tags": [reference for reference, _ in refused[:100]],
                "tags_total": len(refused),
            },
        )
