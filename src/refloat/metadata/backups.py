"""Metadata backups, and the file that tells a restored database from the one that was here last."""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from refloat import durable
from refloat.core import room
from refloat.core.errors import StorageFull, Unavailable
from refloat.core.names import Digest
from refloat.core.prices import BACKUPS_KEPT
from refloat.metadata.copying import copy
from refloat.metadata.failures import database, is_full, with_room

_NAME = "refloat-%Y%m%dT%H%M%SZ.db"
_KNOWS = """
SELECT 1 FROM blobs WHERE digest = ?1 UNION ALL
SELECT 1 FROM repositories r JOIN manifests m ON m.repository = r.id AND m.digest = ?1 LIMIT 1"""


class Backups:
    """The directory `backups/` beside the database."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def save(self, source: sqlite3.Connection, at: int) -> None:
        """Write a whole copy of the database, durable under its name, and drop the oldest beyond BACKUPS_KEPT.

        Free pages are left out. A copy that does not fit leaves nothing behind. Raises StorageFull, Unavailable.
        """
        name = datetime.fromtimestamp(at / 1_000_000, UTC).strftime(_NAME)
        with database():
            durable.make_directory(self._directory)
            self._drop_unfinished()  # of a process that died
            self._refuse_without_room(source)
            with self._dropping(self._directory / f".{name}.part") as unfinished:
                _copy(source, unfinished)
                durable.rename(unfinished, self._directory / name)
            durable.fsync_directory(self._directory)
            for old in self._kept()[:-BACKUPS_KEPT]:
                durable.unlink(old)

    def replace(self, source: sqlite3.Connection, digests: Sequence[Digest], at: int) -> int:
        """Remove the backups that know any of `digests`, after writing one that does not, where there is room.

        Returns how many. Raises Unavailable.
        """
        with database():
            self._drop_unfinished()  # nobody can say what it holds
            known = [path for path in self._kept() if _knows(path, digests)]
            is_saved = not known or self._saved(source, at)
            for path in known:
                if _knows(path, digests):  # it may have been written over just now
                    durable.unlink(path)
            if not is_saved:
                self._saved(source, at)  # where those were there is room now
        return len(known)

    def _saved(self, source: sqlite3.Connection, at: int) -> bool:
        """Write a copy. False: there is no room for one, which is no reason to keep another of what ended."""
        try:
            self.save(source, at)
        except StorageFull:
            return False
        return True

    def _drop_unfinished(self) -> None:
        for unfinished in self._directory.glob(".refloat-*"):
            durable.unlink(unfinished)

    def _refuse_without_room(self, source: sqlite3.Connection) -> None:
        """A copy must not take the last room of a disk from deletes, to find only then that it needs more."""
        (pages,), (size,) = (source.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
        disk = os.statvfs(self._directory)
        if disk.f_bavail * disk.f_frsize < pages * size + room.ENOUGH:
            needed = (pages * size + room.ENOUGH) >> 20
            raise StorageFull(f"no backup of the database was written: it needs {needed} MiB free on the disk")

    @contextmanager
    def _dropping(self, unfinished: Path) -> Iterator[Path]:
        """Yield the place of a copy that is being made; whatever goes wrong, it takes no room afterwards."""
        try:
            yield unfinished
        except BaseException as problem:
            is_short = is_full(problem, unfinished)
            with suppress(OSError):
                self._drop_unfinished()
            if is_short:
                raise StorageFull(f"no backup of the database was written: {room.FULL}") from problem
            raise

    def last(self) -> int | None:
        """Return the instant of the newest backup, in microseconds."""
        kept = self._kept()
        if not kept:
            return None
        return int(datetime.strptime(kept[-1].name, _NAME).replace(tzinfo=UTC).timestamp()) * 1_000_000

    def named_live(self, keys: Sequence[str]) -> set[str]:
        """Return those of `keys` that a kept backup names live. Raises Unavailable when one cannot be read."""
        named: set[str] = set()
        for path in self._kept() if keys else ():
            with database(), closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as backup:
                for key in keys:
                    if backup.execute("SELECT 1 FROM keys WHERE key = ? AND state = 'live'", (key,)).fetchone():
                        named.add(key)
        return named

    def _kept(self) -> list[Path]:
        return sorted(self._directory.glob("refloat-*Z.db"))


def _copy(source: sqlite3.Connection, unfinished: Path) -> None:
    os.close(durable.create(unfinished))
    copy(source, unfinished)
    durable.fsync_file(unfinished)


def _knows(path: Path, digests: Sequence[Digest]) -> bool:
    """Has a backup a manifest or a blob of these digests? One that cannot be read may have everything."""
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as backup:
            return any(backup.execute(_KNOWS, (digest,)).fetchone() for digest in digests)
    except sqlite3.DatabaseError:
        return True


class Epoch:
    """The number of the collector's last round, outside the database."""

    def __init__(self, path: Path, make_room: Callable[[], bool]) -> None:
        self._path = path
        self._make_room = make_room

    def read(self) -> int:
        """Return the number; 0 where there is no file yet. Raises Unavailable where it holds no number."""
        try:
            with durable.disk():
                return int(durable.read_plain(self._path)) if os.path.lexists(self._path) else 0
        except ValueError:
            raise Unavailable(f"{self._path} does not hold the number of a round; nothing is collected") from None

    def write(self, number: int) -> None:
        """Replace the number, durably. Raises StorageFull, Unavailable."""
        with_room(partial(self._write, number), self._make_room)

    def _write(self, number: int) -> None:
        try:
            self._replace(number)
        except OSError as problem:
            if not isinstance(durable.condition_of(problem), StorageFull) or not self._path.exists():
                raise
            self._overwrite(number)

    def _overwrite(self, number: int) -> None:
        """The same within the one sector that the file has already: collection is what gives a full disk its room."""
        file = durable.open_plain(self._path, os.O_RDWR)
        try:
            durable.write(file, f"{number}\n".encode())
            durable.fsync(file)
        finally:
            os.close(file)

    def _replace(self, number: int) -> None:
        fresh = self._path.with_name(self._path.name + ".new")
        durable.unlink(fresh)  # of a process that died
        file = durable.create(fresh)
        try:
            durable.write(file, f"{number}\n".encode())
            durable.fsync(file)
        finally:
            os.close(file)
        durable.rename(fresh, self._path)
        durable.fsync_directory(self._path.parent)
