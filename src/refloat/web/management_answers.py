"""How what the use cases return becomes an answer of the management API, in the shapes of `management_shapes`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from refloat.core.moves import Move
from refloat.core.names import RepositoryName
from refloat.core.prices import Departure, Forecast
from refloat.core.records import Change, ManifestFacts, Moved, PastValue, RepositoryEntry, TagEntry
from refloat.usecases.collect import Round
from refloat.usecases.inspect import Image, ImagesPage, Part, State
from refloat.web import management_shapes as shapes
from refloat.web.instants import rfc3339

MOST_MOVES = 100  # that a change tells of itself; the rest is a list of its own
C = TypeVar("C", bound=shapes.Changes)


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a change: what took it back, whether it still can be, whether it stands, or was moved over."""

    undone_by: str | None
    undoable: bool
    standing: bool
    moved_since: bool


Describe = Callable[[Change], Fate]


def encode(document: object) -> bytes:
    """Write an answer. Digests, tags and names are strings of their own type."""
    return msgspec.json.encode(document, enc_hook=str)


def change_document(change: Change, describe: Describe, forecast: Forecast | None = None) -> shapes.Change:
    """Describe one change with the first of its moves, and what it will free, where that was asked."""
    fate = describe(change)
    return shapes.Change(
        id=change.id,
        run=change.run,
        at=rfc3339(change.at),
        kind=change.kind,
        actor=change.actor,
        address=change.address,
        client=change.client,
        reason=change.reason,
        undoes=change.undoes,
        undone_by=fate.undone_by,
        undoable=fate.undoable,
        standing=fate.standing,
        moved_since=fate.moved_since,
        held_until=rfc3339(change.held_until),
        forecast=forecast_document(forecast),
        moves=[_moved(moved) for moved in change.moves[:MOST_MOVES]],
        moves_total=change.moves_total,
    )


def moves_document(change: str, moves: list[Moved], limit: int) -> shapes.Moves:
    """Describe a page of a change's moves; `next` is what `after` asks the following page with."""
    last = moves[-1] if len(moves) == limit else None
    return shapes.Moves(
        change=change,
        moves=[_moved(moved) for moved in moves],
        next=f"{last.repository}:{last.seq}" if last else None,
    )


def _moved(moved: Moved) -> shapes.PastMove:
    move = moved.move
    return shapes.PastMove(
        repository=moved.repository, reference=move.reference, old=move.old, new=move.new, held=moved.held
    )


def forecast_document(forecast: Forecast | None) -> shapes.Forecast | None:
    """Describe what becomes of the bytes that a change displaced, if nobody asks anything meanwhile."""
    if forecast is None:
        return None
    return shapes.Forecast(
        frees=forecast.frees,
        since=rfc3339(forecast.ends),
        by=rfc3339(forecast.by),
        later=forecast.later,
        stays=forecast.stays,
    )


def changes_document(
    kind: type[C], changes: list[Change], limit: int, describe: Describe, forecasts: Mapping[str, Forecast]
) -> C:
    """Describe a page of changes; `next` is what `before` asks the following page with."""
    return kind(
        changes=[change_document(change, describe, forecasts.get(change.id)) for change in changes],
        next=changes[-1].id if len(changes) == limit else None,
    )


def move_document(repository: RepositoryName, move: Move) -> shapes.Move:
    """Describe one move."""
    return shapes.Move(repository=repository, reference=move.reference, old=move.old, new=move.new)


def repositories_document(entries: list[RepositoryEntry], limit: int) -> shapes.Repositories:
    """Describe a page of repositories."""
    return shapes.Repositories(
        repositories=[
            shapes.Repository(
                name=entry.name,
                tags=entry.tags,
                manifests=entry.manifests,
                size=entry.size,
                pushed_at=rfc3339(entry.pushed_at) if entry.pushed_at is not None else None,
            )
            for entry in entries
        ],
        next=entries[-1].name if len(entries) == limit else None,
    )


def images_document(repository: RepositoryName, page: ImagesPage) -> shapes.Images:
    """Describe a page of images. `follows` is the manifest a fallback tag speaks about."""
    return shapes.Images(
        repository=repository,
        images=[_entry(entry, platforms) for entry, platforms in page.entries],
        next=page.last,
    )


def _entry(entry: TagEntry, platforms: tuple[str, ...]) -> shapes.ImageEntry:
    return shapes.ImageEntry(
        tag=entry.tag,
        digest=entry.digest,
        media_type=entry.media_type,
        artifact_type=entry.artifact_type,
        platforms=platforms,
        size=entry.size,
        pushed_at=rfc3339(entry.pushed_at),
        follows=entry.tag.subject if entry.tag is not None else None,
    )


def image_document(image: Image) -> shapes.Image:
    """Describe one image whole."""
    by_kind: dict[str, list[shapes.Part]] = {"child": [], "config": [], "layer": [], "other": []}
    for part in image.parts:
        by_kind[part.need.kind].append(_part(part))
    since = image.since
    return shapes.Image(
        repository=image.repository,
        reference=image.reference,
        digest=image.manifest.digest,
        media_type=image.manifest.media_type,
        body_size=len(image.manifest.body),
        size=image.size,
        platforms=image.platforms,
        annotations=image.annotations,
        config=by_kind["config"][0] if by_kind["config"] else None,
        layers=by_kind["layer"],
        children=by_kind["child"],
        other=by_kind["other"],
        tags=image.tags,
        referrers=[_referrer(facts) for facts in image.referrers],
        since=rfc3339(since.at) if since else None,
        change=since.change if since else None,
        by=_who(since) if since else None,
    )


def _part(part: Part) -> shapes.Part:
    return shapes.Part(
        digest=part.need.digest,
        media_type=part.media_type,
        size=part.size,
        platform=part.platforms[0] if part.platforms else None,
        present=part.size is not None,
    )


def _referrer(facts: ManifestFacts) -> shapes.Referrer:
    return shapes.Referrer(
        digest=facts.digest,
        media_type=facts.media_type,
        artifact_type=facts.artifact_type,
        body_size=facts.size,
        pushed_at=rfc3339(facts.pushed_at),
    )


def _who(past: PastValue) -> str | None:
    return past.actor or past.client


def history_document(
    repository: RepositoryName, entries: list[tuple[PastValue, State | None]], limit: int
) -> shapes.History:
    """Describe a page of moves; `state` is what became of the value a move gave."""
    return shapes.History(
        repository=repository,
        history=[
            shapes.PastValue(
                reference=past.reference,
                number=past.seq,
                at=rfc3339(past.at),
                old=past.old,
                new=past.new,
                state=state,
                change=past.change,
                kind=past.kind,
                actor=past.actor,
                address=past.address,
                client=past.client,
                reason=past.reason,
                undone_by=past.undone_by,
                undoable=past.kind != "purge" and past.old_present,
                standing=past.stands,
                held_until=rfc3339(past.held_until),
            )
            for past, state in entries
        ],
        next=entries[-1][0].seq if len(entries) == limit else None,
    )


def round_document(done: Round, departure: Departure, *, dry_run: bool) -> shapes.Round:
    """Describe a round of the collector; every count is of this round, and `waiting` is all that is still there."""
    waiting, by = done.waiting, done.waiting.by(departure)
    return shapes.Round(
        dry_run=dry_run,
        number=done.number,
        clock=rfc3339(done.clock),
        behind_seconds=done.behind // 1_000_000,
        pruned=done.pruned,
        let_go=done.let_go,
        swept=done.swept,
        expired_uploads=done.expired_uploads,
        condemned=done.condemned,
        reaped=done.reaped,
        reaped_bytes=done.reaped_bytes,
        forgotten=done.forgotten,
        waiting=shapes.Waiting(blobs=waiting.blobs, size=waiting.size, by=rfc3339(by) if by is not None else None),
        held=[
            shapes.Condemned(digest=held.digest, size=held.size, until=rfc3339(held.until), reason=held.reason)
            for held in done.held
        ],
    )
