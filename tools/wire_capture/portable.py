"""The portable trash in a flow: `refloat rm` and `refloat restore` as they are typed, on a registry that stays."""

import os
import subprocess
from collections.abc import Callable

from tools.serving import REFLOAT
from tools.wire_capture.exchange import Exchange
from tools.wire_capture.relay import Relay
from tools.wire_capture.stage import DELETE, OWN, REPOSITORY, RESTORE, SAVE, TAG, Stage, Stretch

TRASH = f"/v2/refloat-trash/{REPOSITORY}/"

SETTINGS = ("XDG_", "REFLOAT_", "REGISTRY_", "DOCKER_CONFIG")
"""Beginnings of variables by which whoever makes the page would decide what it shows."""

PERSON, MACHINE = "somebody", "client"
"""Who deletes, and where: both are among the facts that are kept, so the capture has them."""

RENAMED = ("unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', MACHINE)
"""Runs a command on what it takes for another machine."""


def remove(stage: Stage) -> None:
    """Delete the image by `refloat rm`, and tell of its four steps. Raises RuntimeError where it fails."""
    command, passed = _typed(stage, "rm")
    kept = _first(passed, lambda one: one.path.startswith(TRASH))
    again = _last(passed, lambda one: one.path.startswith(f"{OWN}/tags/"))
    deleted = _last(passed, lambda one: one.method == "DELETE") + 1
    stage.told += [
        Stretch(SAVE, command, "look", tuple(passed[:kept])),
        Stretch(SAVE, command, "keep", tuple(passed[kept:again])),
        Stretch(DELETE, command, "delete", tuple(passed[again:deleted])),
        Stretch(DELETE, command, "check", tuple(passed[deleted:])),
    ]


def restore(stage: Stage) -> None:
    """Bring the image back by `refloat restore`, and tell of its steps. Raises RuntimeError where it fails."""
    command, passed = _typed(stage, "restore")
    begun = _first(passed, lambda one: one.path.startswith(f"{OWN}/blobs/"))
    put = _last(passed, lambda one: one.method == "PUT" and one.path.startswith(OWN)) + 1
    stage.told += [
        Stretch(RESTORE, command, "look", tuple(passed[:begun])),
        Stretch(RESTORE, command, "put", tuple(passed[begun:put])),
        Stretch(RESTORE, command, "check", tuple(passed[put:])),
    ]


def _typed(stage: Stage, verb: str) -> tuple[str, list[Exchange]]:
    """Run the command line and return what was typed, and what it exchanged. Raises RuntimeError."""
    root = stage.server.root
    ours = {"HOME": str(root.with_name("home")), "LOGNAME": PERSON}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)} | ours
    with Relay(stage.server.address) as relay:
        words = (verb, f"{relay.address}/{REPOSITORY}:{TAG}")
        done = subprocess.run(
            [*_renamed(), str(REFLOAT), *words],
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"refloat {verb} ended with {done.returncode}: {done.stderr[-2000:]}")
    return f"refloat {' '.join(words)}", relay.passed


def _renamed() -> tuple[str, ...]:
    """Return how to run a command elsewhere; without the right to, it runs here."""
    tried = subprocess.run([*RENAMED, "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return () if tried.returncode else RENAMED


def _first(passed: list[Exchange], wanted: Callable[[Exchange], bool]) -> int:
    return next(at for at, one in enumerate(passed) if wanted(one))


def _last(passed: list[Exchange], wanted: Callable[[Exchange], bool]) -> int:
    return max(at for at, one in enumerate(passed) if wanted(one))
