"""Why a server does not start, for people."""

import sys
from collections.abc import Sequence

from refloat.settings import Refusal

FAILED = 1
LOCKED = 7


class StartRefused(Exception):
    """The server must not start. `sentence` says why, `hint` what helps, `code` is the exit code."""

    def __init__(self, sentence: str, hint: str = "", code: int = FAILED) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint
        self.code = code


def complain(sentence: str, hint: str = "") -> None:
    """Write `error:` and `hint:` lines to standard error."""
    sys.stderr.write(f"error: {sentence}\n")
    if hint:
        sys.stderr.write(f"  hint: {hint}\n")


def complain_of(refusals: Sequence[Refusal]) -> None:
    """Write every reason a configuration is refused for."""
    for refusal in refusals:
        complain(str(refusal), refusal.hint)
