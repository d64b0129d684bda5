"""A server's life: claim the directory, bring the database up to date, listen, fork workers, wait."""

import logging
import os
import secrets
import socket
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from refloat.core.errors import RefloatError, StorageFull
from refloat.language import say
from refloat.main.beginning import begin
from refloat.main.descriptors import descriptors, raise_limit
from refloat.main.directory import claim, examine, refuse_images_alone
from refloat.main.listening import give_up_on_unread, is_open_to_others, listen, refuse_taken, url_of
from refloat.main.opening import make_room_to_open
from refloat.main.orphans import die_with
from refloat.main.ownership import make_for_owner_alone
from refloat.main.refusing import FAILED, MAKE_ROOM, StartRefused, unusable
from refloat.main.server import Server
from refloat.main.worker import Worker
from refloat.metadata.migrate import migrate, version_of
from refloat.metadata.migrations import STEPS
from refloat.settings import Settings

SECOND = 1_000_000
FEW = 500  # connections of a worker: a cluster's nodes are more
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
log = logging.getLogger("refloat.serve")


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything that can be refused has been looked at; callers may already connect and wait."""

    settings: Settings
    listeners: Sequence[socket.socket]
    session: str

    @property
    def url(self) -> str:
        """The address to reach it at."""
        return url_of(self.listeners[0])

    @property
    def is_open_to_others(self) -> bool:
        """Can other machines reach it?"""
        return is_open_to_others(self.listeners[0])

    def serve(self) -> None:
        """Serve until a signal."""
        raise_limit()
        most = descriptors().connections
        (log.warning if most < FEW else log.info)("each worker takes up to %d connections at once", most)
        server = Server(self.listeners, self.settings.drain_timeout / SECOND, most)
        main = os.getpid()

        def work() -> Worker:
            die_with(main)
            try:
                return Worker(self.settings, self.session)
            except (RefloatError, OSError, sqlite3.Error) as problem:
                log.error("a worker cannot start: %s", problem)
                sys.exit(FAILED)

        server.run(work)


@contextmanager
def prepared(settings: Settings) -> Iterator[Prepared]:
    """Hold directory and socket. Raises StartRefused."""
    if not (settings.root / "refloat").exists():
        examine(settings)
        refuse_taken(settings.address, settings.port)  # before anything is made that would have to be removed
    with _held(settings), ExitStack() as open_sockets:
        update(settings)
        begin(settings)
        listeners = listen(settings.address, settings.port, settings.workers)
        for listener in listeners:
            open_sockets.enter_context(listener)
            give_up_on_unread(listener, settings.send_timeout)
        yield Prepared(settings, listeners, new_session())


@contextmanager
def claimed(settings: Settings) -> Iterator[None]:
    """Hold a directory that nobody else has, for a command that is no server. Raises StartRefused.

    Its database has this program's schema: only a server brings one up to date, because nothing takes that back.
    """
    with _held(settings):
        refuse_other_schema(settings)
        yield


@contextmanager
def _held(settings: Settings) -> Iterator[None]:
    make_for_owner_alone()
    lock = claim(settings)
    try:
        make_room_to_open(settings, new_session())
        yield
    finally:
        os.close(lock)


def refuse_other_schema(settings: Settings) -> None:
    """Raise StartRefused where the database is not as this program writes it; nothing is made or changed."""
    database, known = settings.database, len(STEPS)
    found = version_of(database)
    if not found:
        raise StartRefused(
            say("{database} is not the database of a registry", database=database),
            say("--root DIR names a directory with images"),
        )
    if found == known:  # guard: only-a-server-updates
        return
    hint = say("that version, or a newer one, can look at it")
    if found < known:
        hint = say("that version can look at it, or `refloat serve` brings it up to date first, for good")
    raise StartRefused(
        say(
            "{database} was written by another version of refloat: it has schema {found}, and this one knows {known}",
            database=database,
            found=found,
            known=known,
        ),
        hint,
    )


def update(settings: Settings) -> None:
    """Bring the database up to date. Raises StartRefused."""
    try:
        if not version_of(settings.database):
            refuse_images_alone(settings)
        migrate(settings.database)
    except StorageFull as problem:
        raise StartRefused(problem.message, MAKE_ROOM) from None
    except RefloatError as problem:
        raise StartRefused(problem.message, "the refloat that wrote it, or a newer one, can serve it") from None
    except sqlite3.Error as problem:
        raise unusable(settings.database, f"{settings.root}/refloat/backups", problem) from None


def new_session() -> str:
    """Return the name of this boot of the machine, within which its uptime tells how much time has passed.

    Where the machine does not say, every run counts as a boot of its own.
    """
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return secrets.token_hex(8)
