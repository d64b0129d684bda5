"""Changes in tables: what `log`, `trash` and `undo` list."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar, cast

import click

from refloat.cli.moves import Move, first_of, is_digest, named, summary
from refloat.cli.printing import Column, Entry, Printer, now
from refloat.cli.wording import ending, short, size
from refloat.language import say

F = TypeVar("F", bound=Callable[..., object])


def moves_of(entry: Entry) -> Sequence[Move]:
    """Return the moves of a change or of an answer to one."""
    return cast("Sequence[Move]", entry["moves"])


def what(entry: Entry) -> str:
    """Say in a few words what a change touched."""
    moves = moves_of(entry)
    total = int(str(entry["moves_total"]))
    if total == len(moves):
        return summary(moves)
    return say("{count} references, {first} among them", count=f"{total:,}", first=first_of(moves))


def via(entry: Entry) -> str | None:
    """Return the name of the program that made a change, without its version."""
    client = entry.get("client")
    return str(client).partition(" ")[0].partition("/")[0] if client else None


def who(entry: Entry) -> object:
    """Return who made a change."""
    return entry.get("actor") or entry.get("address")


def undo_state(entry: Entry) -> str:
    """Say whether and until when a change can be taken back, or what became of it where nothing of it is left."""
    moved = entry.get("moved_since")  # an older server does not say
    if not entry["standing"] and entry["undone_by"]:
        return say("undone by {change}", change=entry["undone_by"])
    if not entry["standing"] and not moved:
        return say("nothing left")
    if not entry["undoable"]:
        return say("no longer")
    if not entry["standing"]:
        return say("moved since")
    until = _until(entry)
    return say("{until}, moved since", until=until) if moved else until


def _until(entry: Entry) -> str:
    if all(move["old"] is None for move in moves_of(entry)):  # a push, of few moves
        return say("any time")
    return say("until {when}", when=ending(str(entry["held_until"]), now()))


LOG = (
    Column("ID", "id"),
    Column("WHEN", "at", "when"),
    Column("BY", who),
    Column("VIA", via),
    Column("DID", "kind"),
    Column("WHAT", what),
    Column("UNDO", undo_state),
)


def frees(entry: Entry) -> object:
    """Return the bytes that go with a change when its window ends."""
    forecast = cast("Entry | None", entry.get("forecast"))
    return forecast["frees"] if forecast else None


TRASH = (
    Column("ID", "id"),
    Column("DELETED", "at", "when"),
    Column("WHAT", what),
    Column("BY", who),
    Column("VIA", via),
    Column("FREES", frees, "size"),
    Column("EXPIRES", "held_until", "when"),
)


def forecast_text(entry: Entry) -> str:
    """Say what a change or a removal will free and what stays; nothing where there is nothing to say."""
    forecast = cast("Entry | None", entry["forecast"])
    if forecast is None:
        return ""
    frees, later, stays = (int(str(forecast[name])) for name in ("frees", "later", "stays"))
    if not frees and not later and _takes_no_image(entry):
        return say("frees nothing: no image goes with it")
    by = ending(str(forecast["by"]), now())
    parts = [say("frees {size} by {day}", size=size(frees), day=by) if frees else say("frees nothing")]
    if later:
        parts.append(say("{size} goes with what holds it longer", size=size(later)))
    if stays:
        parts.append(say("{size} is shared and stays", size=size(stays)))
    return " · ".join(parts)


def _takes_no_image(entry: Entry) -> bool:
    """Do only tags go, or move?"""
    listed = moves_of(entry)
    is_whole = len(listed) == int(str(entry["moves_total"]))
    return is_whole and not any(is_digest(move["reference"]) and move["new"] is None for move in listed)


MOVES = tuple(Column(name.upper(), name) for name in ("repository", "reference", "old", "new"))


def one_change(printer: Printer, change: Entry, moves: Iterable[Move]) -> None:
    """Print one change with all its moves."""
    if printer.form == "lines":
        for move in moves:
            printer.table(MOVES, [move])
        return
    printer.line(f"{change['id']}  {change['kind']} {what(change)}")
    for title, value in (
        (say("when"), change["at"]),
        (say("by"), who(change)),
        (say("with"), change["client"]),
        (say("reason"), change["reason"]),
        (say("takes back"), change["undoes"]),
        (say("undo"), undo_state(change)),
        (say("space"), forecast_text(change)),
    ):
        if value:
            printer.line(f"  {title:<10}  {value}")
    for move in moves:
        printer.line(f"  {named(move['repository'], move['reference'])}  {_side(move['old'])} → {_side(move['new'])}")


def _side(value: object) -> str:
    return short(str(value)) if value else say("(nothing)")


def limited(default: int) -> Callable[[F], F]:
    """Add `-l/--limit` to a verb that lists."""
    return click.option(
        "-l", "--limit", type=click.IntRange(1), default=default, show_default=True, help="List at most so many."
    )
