"""A data directory is its owner's alone: no link leads out of it, nobody else owns it, and nobody else may look in."""

import logging
import os
import pwd
import re
import stat
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from refloat.durable import PRIVATE_DIRECTORY, PRIVATE_FILE
from refloat.main.refusing import StartRefused
from refloat.settings import Settings

ROOT, NOBODY = 0, 65534  # NOBODY: what a server of files makes of ROOT
OTHERS, READABLE = 0o077, 0o044  # of a mode: everybody but the owner, and what they may read
TOKEN = "admin.token"
DAY = re.compile(r"\d{8}")  # a directory of finished uploads
log = logging.getLogger("refloat.serve")


def refuse_links(settings: Settings) -> None:
    """Raise StartRefused where a link in ROOT/refloat, or one there in its place, would be followed.

    ROOT itself may be a link, and a database that lies elsewhere.
    """
    ours = settings.root / "refloat"
    for path in _of(ours):
        if path.is_symlink():  # guard: no-link-in-the-root
            raise StartRefused(
                f"{path} is a symbolic link, and none is followed there: it could lead to anybody's files",
                "put back what it leads to;  ROOT itself may be a link, and  mount --bind  puts a directory elsewhere",
            )


def refuse_strangers(settings: Settings) -> None:
    """Raise StartRefused where ROOT/refloat is another user's, who could change everything under a server."""
    ours, me = settings.root / "refloat", os.geteuid()
    trusted = {me, ROOT, NOBODY} if me == ROOT else {me, ROOT}
    owner = ours.lstat().st_uid if os.path.lexists(ours) else me
    if owner not in trusted:  # guard: nobody-elses-directory
        raise StartRefused(
            f"{ours} belongs to {_name(owner)}, who could change it under a server of {_name(me)}",
            f"run it as {_name(owner)}, or give the directory to {_name(me)} with chown -R",
        )


def close_to_others(settings: Settings) -> None:
    """Take from everybody else what the directory and its database are open for, as far as they are this user's."""
    ours, database = settings.root / "refloat", settings.database
    mode = settings.root.stat().st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        log.warning("everybody may write in %s, and put another directory in the place of %s", settings.root, ours)
    rows = (database, database.with_name(f"{database.name}-wal"), database.with_name(f"{database.name}-shm"))
    for path in (*_of(ours), *rows):
        try:
            _close(path)
        except FileNotFoundError:
            continue  # the database's, which is not made yet
        except OSError as problem:
            log.warning("%s is open to others than its owner: %s", path, problem.strerror)


def make_for_owner_alone() -> None:
    """Whatever this process makes from here on, by whichever library, only its user may read."""
    os.umask(OTHERS)


def _close(path: Path) -> None:
    mode = path.lstat().st_mode
    if mode & OTHERS and (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        path.chmod(PRIVATE_DIRECTORY if stat.S_ISDIR(mode) else PRIVATE_FILE)
        if path.name == TOKEN and mode & READABLE:
            log.warning("%s could be read by others until now: remove it, and the next start makes a new one", path)


def _of(ours: Path) -> Iterator[Path]:
    """Yield the directory and what is opened in it by a name that others can know, the links first that lead on."""
    days = (path for path in _entries(ours / "objects") if DAY.fullmatch(path.name))
    return chain((ours,), _entries(ours), _entries(ours / "backups"), days)


def _entries(directory: Path) -> Iterator[Path]:
    if directory.is_dir() and not directory.is_symlink():
        yield from sorted(directory.iterdir())


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"
