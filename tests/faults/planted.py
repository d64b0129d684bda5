"""Faults of ours, put into a process before its disk fails: the proof must find each."""

import os
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import SimpleNamespace

from refloat import durable
from refloat.blobs import sealer


def nothing() -> None:
    """No fault."""


def a_failed_fsync_is_asked_again() -> None:
    """Bytes that an fsync refused stay, and the next fsync says yes."""
    same = {name: getattr(os, name) for name in ("open", "close", "path", "O_RDWR", "O_CLOEXEC")}
    sealer.os = SimpleNamespace(**same, ftruncate=lambda *_: None)  # type: ignore[assignment, attr-defined]


def a_failed_commit_is_believed() -> None:
    """An error of COMMIT is no error."""
    commit = durable.commit

    def believe(connection: sqlite3.Connection) -> None:
        with suppress(sqlite3.Error):
            commit(connection)

    durable.commit = believe


FAULTS: Mapping[str, Callable[[], None]] = {
    "": nothing,
    "fsync": a_failed_fsync_is_asked_again,
    "commit": a_failed_commit_is_believed,
}
