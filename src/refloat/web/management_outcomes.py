"""What the management API answers to a removal, an undo, a restore: the first of each list, and how many there are."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from refloat.core.moves import Move
from refloat.core.names import Digest, RepositoryName
from refloat.core.prices import Forecast
from refloat.usecases.remove import Removed
from refloat.usecases.undo import Undone
from refloat.web.management_answers import Json, Schemas, forecast_document, move_document

MOST_SHOWN = 100  # entries of each list
T = TypeVar("T")


def removed_document(removed: Removed, forecast: Forecast | None, terms: Json) -> Json:
    """Describe what a removal moved. `terms` says whether it was a dry run and until when it can be undone."""
    return {
        "schema": Schemas.REMOVED,
        **terms,
        "change": None if terms["dry_run"] else removed.change,
        "forecast": forecast_document(forecast),
        **_shown("images", removed.asked, lambda name, each: {"repository": name, "reference": each}),
        "whole": removed.whole[:MOST_SHOWN],
        **_repositories(removed.moves),
        **_shown("moves", removed.moves, move_document),
        **_shown("left", removed.left, lambda name, digest: {"repository": name, "digest": digest}),
    }


def undone_document(undone: Undone, terms: Json) -> Json:
    """Describe what an undo or a restore moved, found as wanted, passed over, and had to leave."""
    return {
        "schema": Schemas.UNDONE,
        **terms,
        "change": None if terms["dry_run"] else undone.change,
        "undoes": undone.undoes,
        **_repositories(undone.moves),
        **_shown("moves", undone.moves, move_document),
        **_shown("satisfied", _grouped(undone.satisfied), lambda name, each: {"repository": name, "reference": each}),
        **_shown(
            "skipped",
            _grouped(undone.skipped),
            lambda name, each: {
                "repository": name,
                "reference": each.reference,
                "now": each.now,
                "wanted": each.wanted,
                "why": each.why,
            },
        ),
        **_shown("left", _grouped(undone.left), lambda name, digest: {"repository": name, "digest": digest}),
    }


def _shown(
    title: str, entries: Mapping[RepositoryName, Sequence[T]], describe: Callable[[RepositoryName, T], Json]
) -> Json:
    each = (describe(name, entry) for name, of_one in entries.items() for entry in of_one)
    return {title: list(islice(each, MOST_SHOWN)), f"{title}_total": sum(map(len, entries.values()))}


def _grouped(pairs: Iterable[tuple[RepositoryName, T]]) -> Mapping[RepositoryName, Sequence[T]]:
    entries: dict[RepositoryName, list[T]] = {}
    for name, entry in pairs:
        entries.setdefault(name, []).append(entry)
    return entries


def _repositories(moves: Mapping[RepositoryName, Sequence[Move]]) -> Json:
    """Count what moved in each repository: what came, what went, and what was moved from one value to another."""
    moved = {name: [_counts(of_one)] for name, of_one in moves.items() if of_one}
    return _shown("repositories", moved, lambda name, counts: {"repository": name, **counts})


def _counts(moves: Sequence[Move]) -> Json:
    came = [move for move in moves if move.old is None]
    went = [move for move in moves if move.new is None]
    return {"came": _kinds(came), "went": _kinds(went), "moved": len(moves) - len(came) - len(went)}


def _kinds(moves: Sequence[Move]) -> Json:
    manifests = sum(isinstance(move.reference, Digest) for move in moves)
    return {"tags": len(moves) - manifests, "manifests": manifests}
