"""A process that may die, and what it said before."""

import json
import os
import traceback
from collections.abc import Callable

Say = Callable[[object], None]


def in_a_child(work: Callable[[Say], None]) -> tuple[int, list[object]]:
    """Run `work` in a forked process. Returns its wait status and what it said, one JSON document a line."""
    hear, tell_all = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(hear)
        _be_a_child(work, tell_all)
    os.close(tell_all)
    with os.fdopen(hear) as news:
        said = [json.loads(line) for line in news]
    return os.waitpid(child, 0)[1], said


def _be_a_child(work: Callable[[Say], None], tell_all: int) -> None:
    def say(document: object) -> None:
        os.write(tell_all, json.dumps(document).encode() + b"\n")

    try:
        work(say)
    except BaseException:  # noqa: BLE001  # told to the parent
        say(traceback.format_exc())
        os._exit(1)
    os._exit(0)
