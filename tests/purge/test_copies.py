"""No file keeps what was purged, no way serves it, and no copy of the database brings it back."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest

from refloat.core.errors import BlobUploadUnknown, Blocked, ManifestUnknown, Purged
from refloat.core.identity import key_at
from refloat.core.names import Digest, Tag
from refloat.usecases import purge, upload
from refloat.usecases.pull import resolve
from refloat.usecases.undo import RestoreRequest, UndoRequest, restore, undo
from tests.crash.registry import HOUR, REPOSITORY
from tests.purge.registry import NOTE, OTHER, SECRET, Registry, found


def test_every_copy_of_the_bytes_goes(registry: Registry) -> None:
    for number in range(200):  # pages of the database around the one that is emptied
        registry.put(registry.manifest(b"base", note=f"image {number} " + "x" * 300), f"t{number}")
    digest = registry.secret("v1")
    registry.metadata.backup(registry.now)
    half = registry.begin(SECRET[:10])
    whole = registry.begin(SECRET)
    innocent = registry.begin(b"another layer")
    live = registry.metadata.read.live_key(Digest.of(SECRET))
    assert live is not None
    shutil.copy(registry.blobs.path(live.key), registry.blobs.path(stray := key_at(live.verified_at, b"strayfiles")))
    shutil.copy(registry.blobs.path(live.key), registry.blobs.path(aside := key_at(live.verified_at, b"setaside..")))
    registry.blobs.set_aside(aside)
    assert len(found(registry.directory, SECRET)) == 4  # live, uploaded, unexplained, set aside
    assert len(found(registry.directory, NOTE.encode())) >= 2
    registry.purge(digest)
    assert found(registry.directory, SECRET, SECRET[:10], NOTE.encode()) == {}
    assert registry.blobs.size(stray) is None
    for session, there in ((half, False), (whole, False), (innocent, True)):
        assert (registry.metadata.read.upload(REPOSITORY, session.id, registry.now) is not None) is there
    assert registry.metadata.last_backup() is not None


def test_a_backup_that_knows_nothing_of_it_stays(registry: Registry) -> None:
    registry.metadata.backup(registry.now)
    before = [path.name for path in (registry.directory / "backups").iterdir()]
    registry.purge(registry.secret("v1"))
    assert [path.name for path in (registry.directory / "backups").iterdir()] == before


def test_nothing_serves_it(registry: Registry) -> None:
    layer, digest = Digest.of(SECRET), registry.secret("v1")
    change = registry.rm(Tag("v1"))
    registry.undo(change)
    registry.purge(digest)
    read = registry.metadata.read
    for reference in (Tag("v1"), digest):
        with pytest.raises(ManifestUnknown):
            resolve(read, REPOSITORY, reference)
    assert read.blob(REPOSITORY, layer, registry.now) is None
    assert read.holds(REPOSITORY, layer) is False
    assert not registry.mount(layer)
    with pytest.raises(Purged):
        registry.undo(change)
    with pytest.raises(Purged):
        registry.write(lambda tx: restore(tx, RestoreRequest(REPOSITORY, Tag("v1"), 1), registry.cause()))
    assert registry.metadata.listing.trash(None, None, 10) == []


def test_an_undo_passes_over_what_was_purged(registry: Registry) -> None:
    digest = registry.secret("v1")
    clean = registry.put(registry.manifest(b"clean"), "v2")
    change = registry.rm(Tag("v1"), Tag("v2"))
    registry.purge(digest)
    with pytest.raises(Purged) as refused:
        registry.undo(change)
    assert isinstance(refused.value.detail, dict)
    assert refused.value.detail["digests"] == [digest]
    done = registry.write(lambda tx: undo(tx, UndoRequest(change, "skip"), registry.cause()))
    assert [(conflict.reference, conflict.why) for _, conflict in done.skipped] == [(Tag("v1"), "gone")]
    assert resolve(registry.metadata.read, REPOSITORY, Tag("v2")).digest == clean


def test_it_is_refused_until_it_is_unblocked(registry: Registry) -> None:
    body = registry.manifest(b"base", SECRET, note=NOTE)
    digest = registry.put(body, "v1")
    registry.purge(digest)
    registry.manifest(b"base", SECRET)  # the layer may come back in another image
    with pytest.raises(Blocked, match=f"refloat purge --unblock {digest}"):
        registry.put(body, "v1")
    registry.unblock(digest)
    assert registry.put(body, "v1") == digest
    registry.start_again()
    assert resolve(registry.metadata.read, REPOSITORY, Tag("v1")).digest == digest


def test_a_blocked_layer_is_refused_however_it_comes(registry: Registry) -> None:
    layer = Digest.of(SECRET)
    registry.secret("v1")
    started = registry.begin(b"")
    registry.purge(layer)
    for digest in (layer, Digest.of(SECRET, "sha512")):
        with pytest.raises(Blocked):
            registry.enter(registry.begin(SECRET), SECRET, digest)
    with pytest.raises(Blocked):
        registry.enter(started, SECRET, layer)
    with pytest.raises(Blocked):
        registry.mount(layer)
    registry.unblock(layer)
    registry.blob(SECRET)
    assert registry.mount(layer, REPOSITORY, OTHER)


def test_an_upload_that_was_under_way_is_no_way_back(registry: Registry) -> None:
    """It had looked at the live blob, to adopt it, before the purge; its own bytes end with the session."""
    layer = Digest.of(SECRET)
    registry.secret("v1")
    session = registry.begin(SECRET)
    trusted = upload.judge_live(registry.metadata.read, registry.blobs, layer, registry.now)
    assert trusted is not None
    registry.purge(layer)
    terms = upload.Terms(registry.now, len(SECRET), HOUR, HOUR)
    with pytest.raises(BlobUploadUnknown):
        registry.write(lambda tx: upload.finish(tx, session, layer, trusted, terms))
    assert not registry.write(lambda tx: upload.finish_again(tx, REPOSITORY, layer, trusted, registry.now + HOUR))


def put_back(registry: Registry, copy: str) -> None:
    registry.close()
    for name in ("refloat.db-wal", "refloat.db-shm"):
        (registry.directory / name).unlink(missing_ok=True)
    shutil.copyfile(registry.directory.parent / copy, registry.directory / "refloat.db")
    registry.__post_init__()
    purge.reconcile(registry.metadata, registry.blobs, registry.now)


def copied(registry: Registry) -> str:
    """Keep a copy of the database elsewhere, as an operator does."""
    here, elsewhere = registry.directory / "refloat.db", registry.directory.parent / "elsewhere.db"
    with closing(sqlite3.connect(here)) as source, closing(sqlite3.connect(elsewhere)) as target:
        source.backup(target)
    return "elsewhere.db"


@pytest.mark.parametrize("what", [lambda digest: digest, lambda digest: Digest.of(SECRET)])
def test_a_database_that_is_put_back_revives_nothing(registry: Registry, what: Callable[[Digest], Digest]) -> None:
    digest = registry.secret("v1")
    registry.put(registry.manifest(b"clean"), "v2")
    copy = copied(registry)
    registry.purge(what(digest))
    put_back(registry, copy)
    assert registry.metadata.read.manifest(REPOSITORY, Tag("v1")) is None
    assert registry.metadata.read.manifest(REPOSITORY, Tag("v2")) is not None
    assert found(registry.directory, SECRET, NOTE.encode()) == {}
    assert registry.metadata.read.block_on(what(digest)) is not None
    registry.unblock(what(digest))
    put_back(registry, copy)
    assert registry.metadata.read.block_on(what(digest)) is None
    assert registry.metadata.read.manifest(REPOSITORY, Tag("v1")) is None


def test_a_purge_without_its_receipt_in_the_file_writes_it_at_the_next_start(registry: Registry) -> None:
    digest = registry.secret("v1")
    request = registry.request(digest)
    registry.metadata.purge(lambda tx: purge.purge(tx, request, registry.cause()))
    with (registry.directory / "purges.jsonl").open("wb") as file:
        file.write(b'{"note":"purge","id":"cut of')
    registry.start_again()
    (note,) = registry.metadata.notes.read()
    assert note.id == registry.metadata.read.purged_by(digest)
    assert found(registry.directory, SECRET, NOTE.encode()) == {}


def test_what_was_interrupted_is_finished_by_the_next(registry: Registry) -> None:
    digest = registry.secret("v1")
    request = registry.request(digest)
    registry.metadata.purge(lambda tx: purge.purge(tx, request, registry.cause()))
    assert found(registry.directory, SECRET) != {}
    assert found(registry.directory, NOTE.encode()) != {}
    assert [receipt.digest for receipt in purge.finish(registry.metadata, registry.blobs, registry.now)] == [digest]
    assert found(registry.directory, SECRET, NOTE.encode()) == {}
    assert purge.finish(registry.metadata, registry.blobs, registry.now) == []
