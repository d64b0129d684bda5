"""`refloat compact`: the database of a data directory written anew, without its free pages, while no server runs."""

import os
import sys
from pathlib import Path

import click

from refloat.cli.verb import TranslatedCommand
from refloat.cli.wording import size
from refloat.language import say
from refloat.main.place import Directory
from refloat.main.refusing import FAILED, complain, ending_in_words
from refloat.settings import Flags, Settings, load


@click.command(cls=TranslatedCommand)
@click.option("--root", type=Directory(), help="The directory the images are in.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what it needs and how long it takes, and do nothing.")
def compact(root: Path | None, *, dry_run: bool) -> None:
    """Give the free pages of the database back to the disk. The server has to be stopped.

    What is removed leaves free pages in the database. One that this version made gives them back while the server
    runs, and needs none of this. An older one keeps them for what comes next, until it is written anew: then it gives
    them back from then on too. `refloat du` shows how much they take.

    It says first what it needs of the disk and how long it takes. Whatever ends it, no row is lost.
    """
    with ending_in_words(when_locked=say("stop it first")):
        settings = load(None, os.environ, Flags(root)).settings
        from refloat.main.directory import refuse_empty
        from refloat.main.running import claimed

        refuse_empty(settings)
        with claimed(settings):
            _compact(settings, is_dry=dry_run)


def _compact(settings: Settings, *, is_dry: bool) -> None:
    from refloat.core.errors import StorageFull
    from refloat.metadata import compacting

    plan = compacting.plan(settings.database)
    place, total, free = settings.database, size(plan.space.size), size(plan.space.free)
    click.echo(say("{place} takes {total}, {free} of it free pages", place=place, total=total, free=free))
    needs, room = size(plan.needs), size(plan.room)
    click.echo(say("  needs {needs} on its disk, which has {room}, and about {seconds} s", needs=needs, room=room,
                   seconds=plan.seconds))  # fmt: skip
    if plan.room < plan.needs:
        complain(say("the disk has too little room; nothing was changed"), say("make room there first"))
        sys.exit(FAILED)
    if is_dry:
        return
    try:
        done = compacting.compact(settings.database)
    except StorageFull:
        complain(say("the disk filled up; the database is as it was"), say("make room there first"))
        sys.exit(FAILED)
    click.echo(say("Compacted: {size}, and free pages go back while the server runs", size=size(done.size)))
