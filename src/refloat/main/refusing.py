"""Why a server does not start, for people."""

import shutil
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from refloat.core.errors import RefloatError, StorageFull
from refloat.settings import Refusal, SettingsRefused

FAILED = 1
LOCKED = 7
INTERRUPTED = 130
MAKE_ROOM = "make room on that disk and try again"
LITTLE = 1_000_000  # bytes: with less a database can hardly be opened


class StartRefused(Exception):
    """The server must not start. `sentence` says why, `hint` what helps, `code` is the exit code."""

    def __init__(self, sentence: str, hint: str = "", code: int = FAILED) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint
        self.code = code


def unusable(database: Path, backups: str, problem: sqlite3.Error) -> StartRefused:
    """Return how a database is told of that SQLite cannot use: a copy of it helps only where it is broken itself."""
    from refloat.metadata.failures import is_for_want_of_room, is_malformed  # no page of help waits for it

    if is_malformed(problem):
        return StartRefused(f"{database} cannot be used: {problem}", f"{backups} has copies of it")
    free = shutil.disk_usage(database.parent).free
    if is_for_want_of_room(problem, free, LITTLE):
        return StartRefused(f"the disk is full: {database} cannot be used, and nothing was changed", MAKE_ROOM)
    return StartRefused(f"{database} cannot be used: {problem}")


def complain(sentence: str, hint: str = "", facts: Sequence[str] = ()) -> None:
    """Write `error:` and `hint:` lines to standard error, lines that explain between them."""
    sys.stderr.write(f"error: {sentence}\n")
    sys.stderr.writelines(f"  {fact}\n" for fact in facts)
    if hint:
        sys.stderr.write(f"  hint: {hint}\n")


def complain_of(refusals: Sequence[Refusal]) -> None:
    """Write every reason a configuration is refused for."""
    for refusal in refusals:
        complain(str(refusal), refusal.hint)


@contextmanager
def in_words(database: Path) -> Iterator[None]:
    """Raise StartRefused where SQLite cannot use a database."""
    try:
        yield
    except sqlite3.Error as problem:
        raise unusable(database, "backups/ beside the database", problem) from None


@contextmanager
def ending_in_words(when_locked: str) -> Iterator[None]:
    """End the program with words and an exit code where a verb about a data directory cannot go on.

    `when_locked` is the hint where a server has the directory.
    """
    try:
        yield
    except SettingsRefused as refused:
        complain_of(refused.refusals)
        sys.exit(FAILED)
    except StartRefused as refused:
        complain(refused.sentence, when_locked if refused.code == LOCKED else refused.hint)
        sys.exit(refused.code)
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        sys.exit(INTERRUPTED)
    except StorageFull:  # its sentence is that of a server, which goes on
        complain("the disk is full: it could not be written down", MAKE_ROOM)
        sys.exit(FAILED)
    except (RefloatError, OSError, sqlite3.Error, ValueError) as problem:
        complain(str(problem))
        sys.exit(FAILED)
