"""What the management API answers to a removal, an undo, a restore: the first of each list, and how many there are."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

from refloat.core.moves import Move
from refloat.core.names import Digest, Reference, RepositoryName, Tag
from refloat.core.prices import Forecast
from refloat.core.undo import Conflict
from refloat.usecases.remove import Removed
from refloat.usecases.undo import Undone
from refloat.web import management_shapes as shapes
from refloat.web.instants import rfc3339
from refloat.web.management_answers import forecast_document, move_document

MOST_SHOWN = 100  # entries of each list
Moves = Mapping[RepositoryName, Sequence[Move]]
T = TypeVar("T")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Terms:
    """Was it only a plan, and until when could it be undone? In microseconds."""

    dry_run: bool
    held_until: int


@dataclass(frozen=True, slots=True)
class _Shown(Generic[S]):
    """The first entries of a list, and how many there are in all."""

    first: Sequence[S]
    total: int


def removed_document(removed: Removed, forecast: Forecast | None, terms: Terms) -> shapes.Removed:
    """Describe what a removal moved."""
    images = _shown(removed.asked, _named)
    moves, repositories = _shown(removed.moves, move_document), _counted(removed.moves)
    left = _shown(removed.left, _left)
    parts = {name: own for name, own in removed.moves.items() if name not in removed.whole}
    following = _shown(_following(parts, removed.asked), _named)
    return shapes.Removed(
        dry_run=terms.dry_run,
        held_until=rfc3339(terms.held_until),
        change=None if terms.dry_run else removed.change,
        forecast=forecast_document(forecast),
        images=images.first,
        images_total=images.total,
        whole=removed.whole[:MOST_SHOWN],
        repositories=repositories.first,
        repositories_total=repositories.total,
        moves=moves.first,
        moves_total=moves.total,
        left=left.first,
        left_total=left.total,
        following=following.first,
        following_total=following.total,
    )


def _following(moves: Moves, asked: Mapping[RepositoryName, Iterable[Reference]]) -> Mapping[RepositoryName, list[Tag]]:
    """Return the tags as people give them that went and that nobody asked for by name."""
    return {name: list(_tags_gone(of_one, set(asked.get(name, ())))) for name, of_one in moves.items()}


def _tags_gone(moves: Iterable[Move], asked: Container[Reference]) -> Iterator[Tag]:
    for move in moves:
        tag = move.reference
        if move.new is None and isinstance(tag, Tag) and tag.subject is None and tag not in asked:
            yield tag


def undone_document(undone: Undone, asked: Mapping[RepositoryName, Iterable[Reference]], terms: Terms) -> shapes.Undone:
    """Describe what an undo or a restore of `asked` moved, found as wanted, passed over, and had to leave."""
    moves, repositories = _shown(undone.moves, move_document), _counted(undone.moves)
    satisfied = _shown(_grouped(undone.satisfied), _named)
    skipped, left = _shown(_grouped(undone.skipped), _skipped), _shown(_grouped(undone.left), _left)
    following = _shown(_following(undone.moves, asked), _named)
    return shapes.Undone(
        dry_run=terms.dry_run,
        held_until=rfc3339(terms.held_until),
        change=None if terms.dry_run else undone.change,
        undoes=undone.undoes,
        repositories=repositories.first,
        repositories_total=repositories.total,
        moves=moves.first,
        moves_total=moves.total,
        satisfied=satisfied.first,
        satisfied_total=satisfied.total,
        skipped=skipped.first,
        skipped_total=skipped.total,
        left=left.first,
        left_total=left.total,
        following=following.first,
        following_total=following.total,
    )


def _shown(entries: Mapping[RepositoryName, Sequence[T]], describe: Callable[[RepositoryName, T], S]) -> _Shown[S]:
    each = (describe(name, entry) for name, of_one in entries.items() for entry in of_one)
    return _Shown(list(islice(each, MOST_SHOWN)), sum(map(len, entries.values())))


def _named(repository: RepositoryName, reference: Reference) -> shapes.Named:
    return shapes.Named(repository=repository, reference=reference)


def _left(repository: RepositoryName, digest: Digest) -> shapes.Left:
    return shapes.Left(repository=repository, digest=digest)


def _skipped(repository: RepositoryName, conflict: Conflict) -> shapes.Skipped:
    return shapes.Skipped(
        repository=repository,
        reference=conflict.reference,
        now=conflict.now,
        wanted=conflict.wanted,
        why=conflict.why,
    )


def _grouped(pairs: Iterable[tuple[RepositoryName, T]]) -> Mapping[RepositoryName, Sequence[T]]:
    entries: dict[RepositoryName, list[T]] = {}
    for name, entry in pairs:
        entries.setdefault(name, []).append(entry)
    return entries


def _counted(moves: Moves) -> _Shown[shapes.Counts]:
    """Count what moved in each repository: what came, what went, and what was moved from one value to another."""
    return _shown({name: [of_one] for name, of_one in moves.items() if of_one}, _counts)


def _counts(repository: RepositoryName, moves: Sequence[Move]) -> shapes.Counts:
    came = [move for move in moves if move.old is None]
    went = [move for move in moves if move.new is None]
    return shapes.Counts(
        repository=repository, came=_kinds(came), went=_kinds(went), moved=len(moves) - len(came) - len(went)
    )


def _kinds(moves: Sequence[Move]) -> shapes.Kinds:
    manifests = sum(isinstance(move.reference, Digest) for move in moves)
    return shapes.Kinds(tags=len(moves) - manifests, manifests=manifests)
