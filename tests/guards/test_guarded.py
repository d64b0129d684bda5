"""Tests of guards that no other suite needs."""

import asyncio
import errno
import os
import stat
from pathlib import Path

import pytest

from refloat import durable
from refloat.blobs.filesystem import FileBlobs
from refloat.core.clock import Tick
from refloat.core.errors import BlobUnknown, BlobUploadUnknown, UploadOutOfOrder
from refloat.core.identity import key_at
from refloat.core.names import Digest, RepositoryName
from refloat.core.records import Upload
from refloat.metadata.store import SqliteMetadata
from refloat.metadata.transaction import SqliteTransaction
from refloat.usecases import upload as uploads
from refloat.usecases.collect import CollectTerms, Round, run_round
from refloat.usecases.pull import open_blob
from refloat.usecases.verify import Verified, VerifyTerms, verify

NOW = 1_700_000_000_000_000
HOUR = 3600 * 1_000_000
TEAM = RepositoryName("team/api")
CONTENT = b"the bytes of a layer"
DIGEST = Digest.of(CONTENT)
TERMS = uploads.Terms(NOW, len(CONTENT), lease=HOUR, graveyard=HOUR)


def session(number: int, size: int = 0, version: int = 0) -> Upload:
    return Upload(f"u{number}", TEAM, key_at(NOW, number.to_bytes(10, "big")), size, version, NOW + HOUR)


def written(blobs: FileBlobs, number: int, content: bytes = CONTENT) -> Upload:
    """Write an upload's bytes, not yet sealed."""
    upload = session(number)
    blobs.create(upload.key)
    with blobs.open_upload(upload) as file:
        file.append(content)
    return upload


def entered(metadata: SqliteMetadata, blobs: FileBlobs, number: int, content: bytes = CONTENT) -> Upload:
    """Bring a blob as a request does."""
    upload, terms = written(blobs, number, content), uploads.Terms(NOW, len(content), lease=HOUR, graveyard=HOUR)
    metadata.write_now(lambda tx: uploads.begin(tx, upload))
    asyncio.run(blobs.seal(upload.key))
    metadata.write_now(lambda tx: uploads.finish(tx, upload, Digest.of(content), None, terms))
    return upload


def collect(metadata: SqliteMetadata, blobs: FileBlobs, at: int) -> Round:
    return run_round(metadata, blobs, Tick(at, at, "run"), CollectTerms(graveyard=HOUR, history_keep=HOUR))


def test_bytes_and_names_are_durable_when_a_seal_returns(
    blobs: FileBlobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    fsync = os.fsync

    def noting(file: int) -> None:
        fsync(file)
        synced.append(os.fstat(file).st_ino)

    monkeypatch.setattr(os, "fsync", noting)
    upload = written(blobs, 1)
    asyncio.run(blobs.seal(upload.key))
    path = blobs.path(upload.key)
    inodes = [place.stat().st_ino for place in (path, path.parent, path.parent.parent)]
    assert set(inodes) <= set(synced)


def test_bytes_that_an_fsync_refused_are_not_kept(blobs: FileBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = written(blobs, 1)
    fsync = os.fsync

    def refusing(file: int) -> None:
        if stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(errno.EIO, "the disk is broken")
        fsync(file)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refusing)
        with pytest.raises(Exception, match="disk"):
            asyncio.run(blobs.seal(upload.key))
    asyncio.run(blobs.seal(upload.key))  # a later fsync says yes
    assert blobs.size(upload.key) != len(CONTENT)


def test_what_was_not_recorded_is_cut_off(blobs: FileBlobs) -> None:
    upload = written(blobs, 1)  # as if the process had ended before it recorded the bytes
    with blobs.open_upload(upload) as file:
        file.cut(0)
        file.append(b"new")
        digest = asyncio.run(file.digest("sha512"))
    assert digest == Digest.of(b"new", "sha512")


def test_a_running_hash_counts_only_for_the_bytes_it_saw(blobs: FileBlobs) -> None:
    upload = written(blobs, 1)
    with blobs.open_upload(upload) as file:
        file.cut(0)
        file.append(b"first")
        file.recorded(session(1, size=5, version=1))
    with blobs.open_upload(session(1, size=5, version=2)) as file:  # another process wrote a chunk, and was cut
        os.pwrite(file._file, b"other", 0)
        digest = asyncio.run(file.digest("sha256"))
    assert digest == Digest.of(b"other")


def test_one_request_at_a_time_has_an_uploads_file(blobs: FileBlobs) -> None:
    upload = written(blobs, 1)
    with blobs.open_upload(upload), pytest.raises(UploadOutOfOrder):
        blobs.open_upload(upload)


def test_a_request_without_a_session_writes_nothing(metadata: SqliteMetadata, blobs: FileBlobs) -> None:
    upload = entered(metadata, blobs, 1)
    live = metadata.read.live_key(DIGEST)
    with pytest.raises(BlobUploadUnknown):
        metadata.write_now(lambda tx: uploads.finish(tx, upload, DIGEST, live, TERMS))  # a repeated request
    assert metadata.read.live_key(DIGEST) == live
    assert metadata.listing.doomed(10) == []
    with pytest.raises(BlobUploadUnknown):
        metadata.write_now(lambda tx: uploads.finish(tx, session(2), Digest.of(b"other"), None, TERMS))


def test_a_short_or_missing_file_is_not_served(metadata: SqliteMetadata, blobs: FileBlobs) -> None:
    upload = entered(metadata, blobs, 1)
    assert open_blob(metadata.read, blobs, TEAM, DIGEST, NOW).key == upload.key
    os.truncate(blobs.path(upload.key), 3)
    with pytest.raises(BlobUnknown):
        open_blob(metadata.read, blobs, TEAM, DIGEST, NOW)
    blobs.path(upload.key).unlink()
    with pytest.raises(BlobUnknown):
        open_blob(metadata.read, blobs, TEAM, DIGEST, NOW)


def test_a_durable_promise_after_a_weaker_one_is_synced(metadata: SqliteMetadata) -> None:
    def how(tx: SqliteTransaction) -> int:
        return int(tx._execute("PRAGMA synchronous").fetchone()[0])

    assert asyncio.run(metadata.note(how)) == 1
    assert metadata.write_now(how) == 2
    assert asyncio.run(metadata.note(how)) == 1
    assert asyncio.run(metadata.write(how)) == 2


def test_bytes_that_a_backup_names_live_stay(metadata: SqliteMetadata, blobs: FileBlobs) -> None:
    upload = entered(metadata, blobs, 1)
    metadata.backup(NOW)
    assert collect(metadata, blobs, NOW).condemned == 0
    assert collect(metadata, blobs, NOW + 2 * HOUR).condemned == 1
    later = collect(metadata, blobs, NOW + 4 * HOUR)
    assert (later.reaped, blobs.size(upload.key)) == (0, len(CONTENT))


def test_bytes_that_no_backup_names_go(metadata: SqliteMetadata, blobs: FileBlobs) -> None:
    metadata.backup(NOW)
    upload = entered(metadata, blobs, 1)
    collect(metadata, blobs, NOW)
    collect(metadata, blobs, NOW + 2 * HOUR)
    later = collect(metadata, blobs, NOW + 4 * HOUR)
    assert (later.reaped, blobs.size(upload.key)) == (1, None)


def test_condemned_bytes_stay_for_the_graveyard(metadata: SqliteMetadata, blobs: FileBlobs) -> None:
    upload = entered(metadata, blobs, 1)
    condemning = collect(metadata, blobs, NOW + 2 * HOUR)
    assert (condemning.condemned, condemning.reaped, blobs.size(upload.key)) == (1, 0, len(CONTENT))
    assert collect(metadata, blobs, NOW + 3 * HOUR).reaped == 1


def test_bytes_of_a_late_request_are_removed_too(metadata: SqliteMetadata, blobs: FileBlobs) -> None:
    upload = entered(metadata, blobs, 1)
    collect(metadata, blobs, NOW + 2 * HOUR)
    assert collect(metadata, blobs, NOW + 3 * HOUR).reaped == 1
    blobs.path(upload.key).write_bytes(CONTENT)  # by a request that began before its session was over
    for hours in (4, 26, 28):
        collect(metadata, blobs, NOW + hours * HOUR)
    assert blobs.size(upload.key) is None
    assert metadata.listing.doomed(10) == []


def test_a_blob_that_was_condemned_since_it_was_looked_at_is_not_adopted(
    metadata: SqliteMetadata, blobs: FileBlobs
) -> None:
    entered(metadata, blobs, 1)
    seen = uploads.judge_live(metadata.read, blobs, DIGEST, NOW)
    collect(metadata, blobs, NOW + 2 * HOUR)
    second = written(blobs, 2)
    metadata.write_now(lambda tx: uploads.begin(tx, second))
    metadata.write_now(lambda tx: uploads.finish(tx, second, DIGEST, seen, TERMS))
    assert metadata.read.holds(TEAM, DIGEST)


def test_what_cannot_be_read_is_not_called_damaged(
    metadata: SqliteMetadata, blobs: FileBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = entered(metadata, blobs, 1)
    path, opened = blobs.path(upload.key), durable.open_plain

    def failing(there: Path | str, flags: int) -> int:
        if Path(there) == path:  # of the right size, and every read of it fails
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return opened(there, flags)

    monkeypatch.setattr(durable, "open_plain", failing)
    done = verify(metadata, blobs, VerifyTerms("bytes", "repair", NOW), lambda _: None)
    assert ([finding.kind for finding in done.findings], done.marked) == (["unreadable"], 0)


def test_a_blob_collected_while_it_is_looked_at_is_not_called_missing(
    metadata: SqliteMetadata, blobs: FileBlobs
) -> None:
    for number, content in enumerate((b"one", b"two"), 1):
        entered(metadata, blobs, number, content)

    def collect_all(done: Verified) -> None:
        if done.blobs == 1:
            collect(metadata, blobs, NOW + 2 * HOUR)
            collect(metadata, blobs, NOW + 3 * HOUR)

    done = verify(metadata, blobs, VerifyTerms("bytes", "report", NOW), collect_all)
    assert (done.blobs, done.findings) == (2, [])
