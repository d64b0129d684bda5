"""What is there before a schedule begins, entered in one transaction each: only what follows is interleaved."""

from collections.abc import Sequence

from refloat.core.identity import change_id, key_at
from refloat.core.names import Digest, RepositoryName, Tag
from refloat.core.records import Cause, Upload
from refloat.ports import Transaction
from refloat.usecases import upload
from refloat.usecases.delete import delete_reference
from refloat.usecases.push import ManifestPush, push_manifest
from tests.schedules.actors import deleted, pushed
from tests.schedules.world import IDLE, LEASE, WINDOW, World, digest, image_of


def plant_blob(world: World, repository: str, content: bytes) -> None:
    """Enter a blob as if it had just been pushed."""
    world.metadata.write_now(lambda tx: _blob(world, tx, repository, content))


def plant_image(world: World, repository: str, tag: str, contents: Sequence[bytes]) -> None:
    """Enter an image as if it had just been pushed."""
    image = image_of(tag, contents)
    push = ManifestPush(Tag(tag), image.body, image.media_type)

    def enter(tx: Transaction) -> None:
        for content in contents:
            _blob(world, tx, repository, content)
        push_manifest(tx, RepositoryName(repository), push, _cause(world))

    world.metadata.write_now(enter)
    world.acknowledged(pushed(repository, tag, image.digest))


def delete_image(world: World, repository: str, name: str) -> None:
    """Delete an image by digest, as the first change that an actor may undo."""
    cause = _cause(world)
    world.metadata.write_now(lambda tx: delete_reference(tx, RepositoryName(repository), Digest(name), cause))
    world.acknowledged(deleted(repository, name))
    world.facts["change"] = cause.change


def _blob(world: World, tx: Transaction, repository: str, content: bytes) -> None:
    key = key_at(world.now, world.dice(10))
    session = Upload(world.dice(16).hex(), RepositoryName(repository), key, 0, 0, world.now + IDLE)
    path = world.blobs.path(key)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    upload.begin(tx, session)
    upload.finish(tx, session, digest(content), None, upload.Terms(world.now, len(content), LEASE, 0))


def _cause(world: World) -> Cause:
    return Cause(world.now, change_id(world.dice(8)), world.now + WINDOW)
