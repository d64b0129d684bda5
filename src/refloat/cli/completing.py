"""What could stand where somebody is typing: names and ids that the server has, soon, or nothing.

Each of these is the `shell_complete` of an argument or option.
"""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import wraps
from threading import Thread
from typing import TYPE_CHECKING, cast

import click

from refloat.cli.changes import what
from refloat.cli.printing import Entry, Printer, now
from refloat.cli.reference import split_typed
from refloat.cli.session import Session
from refloat.cli.wording import moment, relative
from refloat.core.kinds import KINDS

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

BUDGET = "REFLOAT_COMPLETION_MS"
PATIENCE = 300  # milliseconds, where nobody says otherwise
MOST = 100
CHANGES = 20
WILD = frozenset("*?[]@")
Items = list["CompletionItem[str]"]
Answer = Callable[[click.Context, str], Items]
Complete = Callable[[click.Context, click.Parameter, str], Items]


def _in_time(answer: Answer) -> Complete:
    """Let an answer have the budget. Nobody waits for a key to answer, or wants to read what went wrong."""

    @wraps(answer)
    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
        found: Items = []

        def look() -> None:
            with suppress(Exception):
                found.extend(answer(ctx, incomplete))

        looking = Thread(target=look, daemon=True)
        looking.start()
        looking.join(_milliseconds(os.environ.get(BUDGET, "")) / 1000)
        return found

    return complete


def _milliseconds(said: str) -> int:
    return int(said) if said.isascii() and said.isdecimal() and len(said) <= 6 else PATIENCE


def kinds(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the last of several kinds of changes."""
    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{kind}" for kind in KINDS if kind.startswith(last)]


@_in_time
def repositories(ctx: click.Context, incomplete: str) -> Items:
    """Complete the name of a repository, and nothing behind it."""
    return [] if _is_tag(incomplete) else _items(_names(ctx, incomplete, "live"), "plain")


@_in_time
def references(ctx: click.Context, incomplete: str) -> Items:
    """Complete a repository, after which a tag may follow, or a tag."""
    return _items(_names(ctx, incomplete, "live"), "plain" if _is_tag(incomplete) else "open")


@_in_time
def images(ctx: click.Context, incomplete: str) -> Items:
    """Complete an image: a repository and then its tags."""
    return _images(_names(ctx, incomplete, "live"), incomplete)


@_in_time
def held_images(ctx: click.Context, incomplete: str) -> Items:
    """Complete an image that was deleted or is there."""
    return _held(ctx, incomplete)


@_in_time
def restorable(ctx: click.Context, incomplete: str) -> Items:
    """Complete what can be restored: an image that was deleted or is there, or the id of a deletion."""
    return _held(ctx, incomplete) + _changes(ctx, incomplete, "trash")


@_in_time
def changes(ctx: click.Context, incomplete: str) -> Items:
    """Complete the id of one of the last changes."""
    return _changes(ctx, incomplete, "changes")


@_in_time
def deletions(ctx: click.Context, incomplete: str) -> Items:
    """Complete the id of a change in the trash."""
    return _changes(ctx, incomplete, "trash")


def _changes(ctx: click.Context, incomplete: str, path: str) -> Items:
    from click.shell_completion import CompletionItem

    found = cast("list[Entry]", _session(ctx).server().get(path, n=CHANGES)["changes"])
    told = {
        str(entry["id"]): (entry["kind"], what(entry), relative(moment(str(entry["at"])), now())) for entry in found
    }
    return [
        CompletionItem(change, help=f"{kind} {touched}, {when}")
        for change, (kind, touched, when) in told.items()
        if change.startswith(incomplete)
    ]


def _names(ctx: click.Context, incomplete: str, which: str) -> list[str]:
    """Return the names that begin with what was typed, written as it was."""
    before, host, name = split_typed(incomplete)
    if WILD & set(name):
        return []
    found = _session(ctx).server(host).get("names", prefix=name, which=which, n=MOST)
    return [before + known for known in cast("list[str]", found["names"])]


def _held(ctx: click.Context, incomplete: str) -> Items:
    names = dict.fromkeys(_names(ctx, incomplete, "deleted") + _names(ctx, incomplete, "live"))
    return _images(names, incomplete)


def _is_tag(incomplete: str) -> bool:
    return ":" in split_typed(incomplete)[2]


def _images(names: Iterable[str], incomplete: str) -> Items:
    if _is_tag(incomplete):
        return _items(names, "plain")
    return _items([f"{name}:" for name in names], "open")


def _items(names: Iterable[str], kind: str) -> Items:
    from click.shell_completion import CompletionItem

    return [CompletionItem(name, type=kind) for name in names]


def _session(ctx: click.Context) -> Session:
    return Session(
        Printer("quiet", "never", now()),
        host=ctx.params.get("host"),
        plain="allowed" if ctx.params.get("plain_http") else "loopback",
    )
