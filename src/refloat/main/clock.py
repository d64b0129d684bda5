"""`refloat clock`: the collector's clock of a data directory, while no server runs on it."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from refloat.cli.verb import TranslatedCommand
from refloat.language import say
from refloat.main.place import Directory
from refloat.main.refusing import ending_in_words, in_words
from refloat.ports import Metadata
from refloat.settings import Flags, Settings, load
from refloat.settings.durations import text_of
from refloat.usecases.clock import Standing, accept, stand

SECOND = 1_000_000


@click.command(cls=TranslatedCommand)
@click.argument("what", required=False, default="show", type=click.Choice(["show", "accept"]), metavar="[show|accept]")
@click.option("--root", type=Directory(), help="The directory the images are in.")
def clock(what: str, root: Path | None) -> None:
    """Show the clock that windows end by, or vouch for it. The server has to be stopped.

    The collector's clock follows the machine's, but never faster than a server was seen running, plus 24
    hours for a stop: no wrong clock ends a window early. When the database was restored from a backup
    nothing is collected at all. `accept` says that clock and database are right as they are now. What is
    over by then is collected after the next start, and nothing brings it back: look at `show` first.

    The directory is the one `refloat serve` would use: REGISTRY_CONFIGURATION_PATH names its config.yml.
    """
    with ending_in_words(when_locked=say("stop it first")):
        settings = load(None, os.environ, Flags(root)).settings
        with _stopped(settings) as metadata:
            _show(metadata, settings.root) if what == "show" else _accept(metadata)


@contextmanager
def _stopped(settings: Settings) -> Iterator[Metadata]:
    """Hold the directory of a server that does not run, and open its database. Raises StartRefused."""
    from refloat.blobs.ballast import ballast_of
    from refloat.main.directory import refuse_empty
    from refloat.main.running import claimed
    from refloat.metadata.store import SqliteMetadata

    refuse_empty(settings)
    with in_words(settings.database), claimed(settings):
        ours = settings.root / "refloat"
        metadata = SqliteMetadata(settings.database, ours, ballast_of(ours, settings.database).give_up)
        with closing(metadata):
            yield metadata


def _show(metadata: Metadata, root: Path) -> None:
    from refloat.main.collector import tick
    from refloat.main.running import new_session

    standing = stand(metadata, tick(new_session()))
    epoch = root / "refloat" / ".epoch"
    rounds = say("{number} in the database, {seen} in {file}", number=standing.number, seen=standing.epoch, file=epoch)
    for title, text in (
        (say("wall clock"), _instant(standing.wall)),
        (say("collector"), _collectors(standing)),
        (say("rounds"), rounds),
        (say("collection"), _collection(standing)),
    ):
        click.echo(f"{title:<10}  {text}")
    if standing.stopped or standing.waiting:
        command = f"refloat clock accept --root {root}"
        click.echo(say("{command}   vouches for clock and database", command=command))


def _collection(standing: Standing) -> str:
    if standing.stopped:
        return say("is stopped: {reason}", reason=standing.stopped)
    return say("goes on when the server starts")


def _collectors(standing: Standing) -> str:
    if standing.left is None:
        return say("has not run yet")
    at = _instant(standing.left.at)
    if standing.behind < 0:
        ahead = _span(-standing.behind)
        return say("{at}, ahead by {span}; it stands still until the wall clock is there", at=at, span=ahead)
    behind = _span(standing.behind)
    if not standing.waiting:
        return say("{at}, behind by {span}; the next round makes up for it", at=at, span=behind)
    waiting = _span(standing.waiting)
    return say("{at}, behind by {span}; {waiting} of it waits for accept", at=at, span=behind, waiting=waiting)


def _accept(metadata: Metadata) -> None:
    from refloat.main.collector import tick
    from refloat.main.running import new_session

    now = tick(new_session())
    before = stand(metadata, now)
    number = accept(metadata, now)
    wall = _instant(now.wall)
    click.echo(say("Accepted: the wall clock {wall} and the database, as round {number}", wall=wall, number=number))
    if before.left is not None:
        click.echo(say("  the collector's clock was at {at}", at=_instant(before.left.at)))
    click.echo(say("  collection goes on when the server starts"))


def _instant(at: int) -> str:
    return datetime.fromtimestamp(at // SECOND, UTC).isoformat().replace("+00:00", "Z")


def _span(microseconds: int) -> str:
    return text_of(microseconds // SECOND * SECOND)
