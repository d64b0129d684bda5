"""The promises of `ports.BlobStore` and `reaping.StrayReaper`. A new store adds one row to STORES."""

import asyncio
import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from refloat import durable
from refloat.blobs.filesystem import FileBlobs
from refloat.core.errors import BlobUploadUnknown, StorageFull, Unavailable, UploadOutOfOrder
from refloat.core.identity import key_at
from refloat.core.names import Digest, RepositoryName
from refloat.core.records import Upload
from refloat.ports import BlobStore
from refloat.reaping import StrayReaper
from tests.disks import small_disk

NOON = 1_764_000_000_000_000  # 2025-11-24, 16:00 UTC
DAY = 24 * 3600 * 1_000_000


class Store(BlobStore, StrayReaper, Protocol):
    def close(self) -> None: ...


def _files(directory: Path) -> Store:
    return FileBlobs(directory, 0.0)


STORES: dict[str, Callable[[Path], Store]] = {"files": _files}


@pytest.fixture(params=STORES)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Open the same store again and again, as several processes would."""
    opened: list[Store] = []

    def again() -> Store:
        opened.append(STORES[request.param](tmp_path))
        return opened[-1]

    yield again
    for store in opened:
        store.close()


@pytest.fixture
def store(make: Callable[[], Store]) -> Store:
    return make()


def session(number: int = 1, at: int = NOON) -> Upload:
    return Upload(f"u{number}", RepositoryName("a"), key_at(at, number.to_bytes(10, "big")), 0, 0, at + DAY)


def begun(store: Store, number: int = 1) -> Upload:
    upload = session(number)
    store.create(upload.key)
    return upload


def appended(store: Store, upload: Upload, data: bytes) -> Upload:
    """Append and record, as a PATCH does."""
    with store.open_upload(upload) as file:
        file.cut(upload.size)
        file.append(data)
        upload = replace(upload, size=file.size, version=upload.version + 1)
        file.recorded(upload)
    return upload


async def digest(store: Store, upload: Upload, algorithm: str = "sha256") -> Digest:
    with store.open_upload(upload) as file:
        file.cut(upload.size)
        return await file.digest(algorithm)


def sealed(store: Store, upload: Upload) -> None:
    asyncio.run(store.seal(upload.key))


def test_what_was_appended_lies_whole_under_its_key(store: Store) -> None:
    upload = appended(store, appended(store, begun(store), b"one "), b"two")
    assert store.size(upload.key) is None
    sealed(store, upload)
    assert store.size(upload.key) == 7
    assert store.path(upload.key).read_bytes() == b"one two"


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "another process"])
def test_a_digest_is_of_all_bytes(make: Callable[[], Store], algorithm: str, elsewhere: bool) -> None:
    first = make()
    upload = appended(first, appended(first, begun(first), b"x" * 70_000), b"y")
    store = make() if elsewhere else first
    expected = hashlib.new(algorithm, b"x" * 70_000 + b"y").hexdigest()
    assert asyncio.run(digest(store, upload, algorithm)) == f"{algorithm}:{expected}"
    assert asyncio.run(digest(store, upload, algorithm)) == f"{algorithm}:{expected}", "asking changes nothing"


def test_bytes_that_were_not_recorded_are_dropped(store: Store) -> None:
    upload = appended(store, begun(store), b"kept")
    with store.open_upload(upload) as file:
        file.cut(upload.size)
        file.append(b" lost")
    upload = appended(store, upload, b" and kept")
    assert asyncio.run(digest(store, upload)) == Digest.of(b"kept and kept")


def test_bytes_the_disk_had_no_room_for_count_for_no_digest(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", "2m") as place, closing(FileBlobs(place, 0.0)) as store:
        upload = appended(store, begun(store), b"kept")
        for too_much in ((bytes(4 << 20),), (b"some", bytes(4 << 20))):
            with store.open_upload(upload) as file:
                file.cut(upload.size)
                with pytest.raises(StorageFull):
                    file.append(*too_much)
        upload = appended(store, upload, b" and the rest")
        assert asyncio.run(digest(store, upload)) == Digest.of(b"kept and the rest")


def test_recorded_bytes_that_are_not_there_end_the_upload(make: Callable[[], Store]) -> None:
    store = make()
    upload = replace(begun(store), size=5, version=1)
    with store.open_upload(upload) as file, pytest.raises(BlobUploadUnknown):
        file.cut(5)


def test_one_request_has_the_bytes_until_it_is_answered(make: Callable[[], Store]) -> None:
    here, there = make(), make()
    upload = appended(here, begun(here), b"12345")
    with here.open_upload(upload):
        for store in (here, there):
            with pytest.raises(UploadOutOfOrder) as refused:
                store.open_upload(upload)
            assert refused.value.detail == {"offset": 5}
    with there.open_upload(upload):
        pass


def test_an_upload_without_bytes_is_unknown(store: Store) -> None:
    with pytest.raises(BlobUploadUnknown):
        store.open_upload(session())
    with pytest.raises(BlobUploadUnknown):
        sealed(store, session())


def test_sealing_again_is_fine_and_so_is_going_on(make: Callable[[], Store]) -> None:
    store = make()
    upload = appended(store, begun(store), b"whole")
    sealed(store, upload)
    sealed(store, upload)
    other = make()
    assert asyncio.run(digest(other, upload)) == Digest.of(b"whole")
    sealed(other, upload)
    assert store.path(upload.key).read_bytes() == b"whole"


def test_many_are_sealed_at_once(store: Store) -> None:
    uploads = [appended(store, begun(store, number), b"%d" % number) for number in range(1, 60)]

    async def all_at_once() -> None:
        await asyncio.gather(*(store.seal(upload.key) for upload in uploads))

    asyncio.run(all_at_once())
    assert [store.path(upload.key).read_bytes() for upload in uploads] == [b"%d" % n for n in range(1, 60)]


def test_one_that_fails_fails_alone(store: Store) -> None:
    there = appended(store, begun(store), b"there")

    async def both() -> tuple[BaseException | None, BaseException | None]:
        return await asyncio.gather(store.seal(there.key), store.seal(session(2).key), return_exceptions=True)

    fine, missing = asyncio.run(both())
    assert fine is None
    assert isinstance(missing, BlobUploadUnknown)
    assert store.size(there.key) == 5


@pytest.mark.parametrize("whole", [False, True], ids=["arriving", "whole"])
def test_reaping_removes_whatever_there_is_as_often_as_needed(store: Store, whole: bool) -> None:
    upload = appended(store, begun(store), b"bytes")
    if whole:
        sealed(store, upload)
    assert store.reap(upload.key)
    assert store.size(upload.key) is None
    assert store.reap(upload.key)
    with pytest.raises(BlobUploadUnknown):
        store.open_upload(upload)


def test_reaping_one_leaves_the_others(store: Store) -> None:
    one, two = (appended(store, begun(store, number), b"x") for number in (1, 2))
    sealed(store, one)
    sealed(store, two)
    assert store.reap(one.key)
    assert store.size(two.key) == 1


def test_room_ends_at_the_reserve(store: Store, tmp_path: Path) -> None:
    assert store.has_room(0)
    disk = os.statvfs(tmp_path)
    assert not store.has_room(2 * disk.f_blocks * disk.f_frsize)
    full = FileBlobs(tmp_path / "full", 1.0)
    assert not full.has_room(0)
    full.close()


@pytest.mark.parametrize(("number", "condition"), [(errno.ENOSPC, StorageFull), (errno.EIO, Unavailable)])
def test_a_disk_that_cannot_says_so(
    store: Store, monkeypatch: pytest.MonkeyPatch, number: int, condition: type[Exception]
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    upload = appended(store, begun(store), b"kept")
    monkeypatch.setattr(durable, "write", refuse)
    with store.open_upload(upload) as file, pytest.raises(condition):
        file.append(b"more")
    monkeypatch.setattr(durable, "fsync", refuse)
    with pytest.raises(condition):
        sealed(store, upload)
    monkeypatch.undo()
    with store.open_upload(upload) as file, pytest.raises(BlobUploadUnknown):
        file.cut(upload.size)  # what an fsync refused is gone: a later one that says yes proves nothing


@pytest.mark.parametrize("known", [False, True], ids=["a day's first", "a later one"])
def test_a_directory_that_failed_is_not_believed_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    def refuse(_: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    one, two = (appended(store, begun(store, number), b"x") for number in (1, 2))
    if known:
        sealed(store, one)
    monkeypatch.setattr(durable, "fsync_directory", refuse)
    with pytest.raises(Unavailable):
        sealed(store, two)
    monkeypatch.undo()
    with pytest.raises(Unavailable):
        sealed(store, two)


class TestFiles:
    """What is particular to files."""

    def test_a_days_keys_share_a_directory(self, tmp_path: Path) -> None:
        store = FileBlobs(tmp_path, 0.0)
        assert store.path(session(1).key).parent == tmp_path / "objects" / "20251124"
        assert store.path(session(2, NOON + DAY).key).parent.name == "20251125"
        store.close()

    def test_what_lies_about_can_be_listed(self, tmp_path: Path) -> None:
        store = FileBlobs(tmp_path, 0.0)
        one, two = (appended(store, begun(store, number), b"x") for number in (1, 2))
        sealed(store, two)
        assert sorted(store.keys()) == sorted([one.key, two.key])
        store.close()

    def test_the_ballast_is_given_up_once_and_comes_back(self, tmp_path: Path) -> None:
        store, ballast = FileBlobs(tmp_path, 0.0), tmp_path / "ballast"
        assert ballast.stat().st_size == 64 << 20
        assert store.make_room()
        assert ballast.stat().st_size == 0
        assert not store.make_room()
        store.reap(session().key)
        assert ballast.stat().st_size == 64 << 20
        store.close()

    def test_no_ballast_where_there_is_no_room(self, tmp_path: Path) -> None:
        store = FileBlobs(tmp_path, 1.0)
        assert not (tmp_path / "ballast").exists()
        store.close()


def whole(store: Store, number: int, content: bytes) -> str:
    """Bring bytes under a key, as an upload does, and return the key."""
    upload = session(number)
    store.create(upload.key)
    with store.open_upload(upload) as file:
        file.append(content)
    asyncio.run(store.seal(upload.key))
    return upload.key


def test_the_beginning_of_bytes_is_found_wherever_it_lies(store: Store) -> None:
    sample = whole(store, 1, b"a secret of some length")
    contents = (b"a secret", b"a secret of some length", b"", b"another", b"a secret of some length and more")
    for number, content in enumerate(contents, 2):
        upload = session(number)
        store.create(upload.key)
        with store.open_upload(upload) as file:
            file.append(content)
        expected = content in contents[:2]
        assert store.begins(upload.key, sample) is expected
        asyncio.run(store.seal(upload.key))
        assert store.begins(upload.key, sample) is expected
    assert not store.begins(sample, sample)
    assert not store.begins(session(99).key, sample)
    assert store.reap(sample)
    assert not store.begins(session(2).key, sample)


def test_of_what_was_set_aside_only_copies_are_removed(store: Store) -> None:
    sample = whole(store, 1, b"a secret of some length")
    assert store.reap_quarantined(sample) == 0
    for number, content in enumerate((b"a secret", b"a secret of some length", b"another"), 2):
        assert store.set_aside(whole(store, number, content)) == 1
    assert store.reap_quarantined(sample) == 2
    assert store.reap_quarantined(sample) == 0
    assert store.size(sample) == len(b"a secret of some length")
