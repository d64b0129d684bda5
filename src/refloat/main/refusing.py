"""Why a server does not start, for people."""

import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from refloat.core.errors import RefloatError
from refloat.settings import Refusal, SettingsRefused

FAILED = 1
LOCKED = 7
INTERRUPTED = 130


class StartRefused(Exception):
    """The server must not start. `sentence` says why, `hint` what helps, `code` is the exit code."""

    def __init__(self, sentence: str, hint: str = "", code: int = FAILED) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint
        self.code = code


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
    except (RefloatError, OSError, sqlite3.Error, ValueError) as problem:
        is_corrupt = type(problem) is sqlite3.DatabaseError  # the others are of kinds of their own
        complain(str(problem), "backups/ beside the database has copies of it" if is_corrupt else "")
        sys.exit(FAILED)
