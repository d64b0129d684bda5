"""The data directory: may it be served, and by whom?

ROOT/refloat/lock is held under `flock` for as long as any process of a server lives; the kernel lets go
of it however they end, so a crash leaves nothing to repair.
"""

import fcntl
import os
import socket
import time
from contextlib import suppress
from pathlib import Path

from refloat import durable
from refloat.main.mounts import network_filesystem
from refloat.main.ownership import close_to_others, refuse_links, refuse_strangers
from refloat.main.refusing import LOCKED, StartRefused
from refloat.settings import Settings

PATIENCE = 3.0  # seconds: how long the processes of a killed server may take to be gone
ADOPTED = "adopted"  # written into ROOT/refloat by adoption


def examine(settings: Settings) -> None:
    """Raise StartRefused where a start would, as far as can be seen without touching anything."""
    try:
        refuse_links(settings)
        _refuse_unadopted(settings.root)
        _refuse_network(settings.database)
        _refuse_half(settings.root / "refloat", settings.database)
    except OSError as problem:  # somebody else's, who lets nobody look
        raise _unusable(problem) from None


def refuse_empty(settings: Settings) -> None:
    """Raise StartRefused where there is no registry yet: who looks at one must not make one."""
    if not settings.database.is_file():
        raise StartRefused(f"there is no database at {settings.database}", "--root DIR names a directory with images")


def refuse_images_alone(settings: Settings) -> None:
    """Raise StartRefused where there are images, for a database that is there and has nothing in it."""
    ours = settings.root / "refloat"
    if _holds_images(ours / "objects"):  # guard: no-empty-registry-on-an-empty-database
        raise _images_alone(ours, f"their database {settings.database} is empty")


def claim(settings: Settings) -> int:
    """Make and lock the data directory. Returns the descriptor that holds the lock until it is closed.

    Raises StartRefused when the directory must not be served.
    """
    refuse_strangers(settings)
    examine(settings)
    ours = settings.root / "refloat"
    try:
        durable.private_directory(ours)
        durable.private_directory(settings.database.parent)
        lock = durable.open_plain(ours / "lock", os.O_RDWR | os.O_CREAT)
    except OSError as problem:
        raise _unusable(problem) from None
    _lock(lock, settings.root)
    close_to_others(settings)
    return lock


def _unusable(problem: OSError) -> StartRefused:
    return StartRefused(f"{problem.filename}: {problem.strerror}", "--root DIR keeps images elsewhere")


def _refuse_unadopted(root: Path) -> None:
    """Never an empty registry on top of someone's images."""
    images = root / "docker" / "registry" / "v2"
    if images.exists() and not (root / "refloat" / ADOPTED).exists():  # guard: no-empty-registry-on-top
        raise StartRefused(
            f"{root} holds the images of a registry:2 that refloat has not taken over; it would look empty",
            "this version cannot take them over;  --root DIR  starts an empty registry beside them",
        )


def _refuse_half(ours: Path, database: Path) -> None:
    """Bytes without their database, or a database without its bytes, is a volume that is not mounted or lost."""
    objects = ours / "objects"
    if not database.exists() and _holds_images(objects):  # guard: no-empty-registry-on-bytes
        raise _images_alone(ours, f"their database {database} is not there")
    if database.exists() and not objects.is_dir() and (ours / ".epoch").exists():
        raise StartRefused(
            f"the database is there, but {objects} is not; no image could be pulled",
            "see whether everything is mounted",
        )


def _holds_images(objects: Path) -> bool:
    return objects.is_dir() and any(objects.iterdir())


def _images_alone(ours: Path, why: str) -> StartRefused:
    return StartRefused(
        f"{ours}/objects holds images, but {why}; the registry would look empty",
        f"put it back, or a copy from {ours}/backups, or see whether everything is mounted",
    )


def _refuse_network(database: Path) -> None:
    kind = network_filesystem(database.parent)
    if kind is not None:
        raise StartRefused(
            f"{database} would lie on a network filesystem ({kind}), where SQLite's locks cannot be relied on",
            "refloat.database puts it on a local disk; images may stay where they are",
        )


def _lock(lock: int, root: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not _taken(lock):
        if time.monotonic() > deadline:
            raise _held_by_another(lock, root)
        time.sleep(0.02)  # nothing can be waited for: flock has no timeout
    holder = f"{os.getpid()} {socket.gethostname()}\n".encode()
    with suppress(OSError):  # on a full disk nobody can read who it is
        os.pwrite(lock, holder, 0)
        os.ftruncate(lock, len(holder))


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _held_by_another(lock: int, root: Path) -> StartRefused:
    pid, _, host = os.pread(lock, 200, 0).decode(errors="replace").strip().partition(" ")
    return StartRefused(
        f"another refloat (pid {pid or 'unknown'} on host {host or 'unknown'}) has {root}",
        "a directory has one server; it may have any number of workers",
        LOCKED,
    )
