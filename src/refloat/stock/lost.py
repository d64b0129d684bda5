"""What can be salvaged from a registry:2's tree, for people and programs: each image with what is known of it."""

from collections.abc import Iterator
from dataclasses import dataclass

from refloat.core.descriptors import LARGEST_CONFIG, document_in, entries_in, platform_of
from refloat.core.manifest import MAX_SIZE
from refloat.core.media import IMAGES, INDEXES
from refloat.core.names import Digest, RepositoryName
from refloat.stock.ledger import Ledger, Loss, State
from refloat.stock.reading import body_of
from refloat.stock.tree import Tree
from refloat.stock.wholeness import Inspector, Parts

LONGEST_STEM = 128 - len("-0123456789ab")  # of a tag


@dataclass(frozen=True, slots=True)
class Lost:
    """A manifest no tag of its repository leads to.

    `repository` is None where nothing names one, and only inferred from layers unless `is_sure`. `tags` had it.
    `written` and `deleted` are in seconds since 1970; `created` is what the image says of itself.
    """

    digest: Digest
    repository: RepositoryName | None
    is_sure: bool
    tags: tuple[str, ...]
    state: State
    media_type: str
    artifact_type: str | None
    subject: Digest | None
    platforms: tuple[str, ...]
    written: float
    deleted: float | None
    created: str | None
    parts: Parts

    @property
    def name(self) -> str:
        """The repository it was in, or one of its own under `lost-found`."""
        return self.repository or f"lost-found/{self._short}"

    @property
    def label(self) -> str:
        """A tag that nothing else has: one it had, or `salvaged`, and the beginning of its digest."""
        return f"{self.tags[0][:LONGEST_STEM] if self.tags else 'salvaged'}-{self._short}"

    @property
    def _short(self) -> str:
        return self.digest.partition(":")[2][:12]


@dataclass(frozen=True, slots=True)
class Gone:
    """A manifest that links name and whose bytes are not there, or not those of its digest."""

    digest: Digest
    repository: RepositoryName
    tags: tuple[str, ...]
    deleted: float | None
    is_damaged: bool


def lost_in(tree: Tree, ledger: Ledger, inspector: Inspector) -> Iterator[Lost]:
    """Yield what can be salvaged, by repository, the newest first. What comes with another is left out."""
    for loss in ledger.losses(gone=False):
        if not _comes_along(loss, ledger, inspector):
            yield _described(loss, tree, ledger, inspector)


def gone_in(tree: Tree, ledger: Ledger) -> Iterator[Gone]:
    """Yield what links still name, and nothing brings back."""
    for loss in ledger.losses(gone=True):
        if loss.repository is not None:
            yield Gone(
                loss.digest,
                loss.repository,
                tuple(ledger.tags_of(loss.number, loss.digest)),
                ledger.touched(loss.number, loss.digest),
                tree.file_of(loss.digest) is not None,
            )


def _comes_along(loss: Loss, ledger: Ledger, inspector: Inspector) -> bool:
    """Is it a part of an index that is there or is listed, or does it speak of what is there?

    What is whole is listed beside an index that is not.
    """
    is_linked = ledger.is_linked(loss.number, loss.digest)
    for parent, here, anywhere in ledger.parents_of(loss.number, loss.digest):
        if here and is_linked:
            return True
        if not anywhere and not (not inspector.is_whole(parent) and inspector.is_whole(loss.digest)):
            return True
    _, _, subject, _ = ledger.said(loss.digest)
    return subject is not None and is_linked and ledger.is_linked(loss.number, subject)


def _described(loss: Loss, tree: Tree, ledger: Ledger, inspector: Inspector) -> Lost:
    media_type, artifact_type, subject, written = ledger.said(loss.digest)
    document = document_in(body_of(tree, loss.digest, MAX_SIZE))
    config = _config(tree, document) if media_type in IMAGES else {}
    platforms = (
        [platform_of(entry.get("platform")) for entry in entries_in(document, "manifests")]
        if media_type in INDEXES
        else [platform_of(config)]
    )
    created = config.get("created")
    return Lost(
        digest=loss.digest, repository=loss.repository, is_sure=loss.is_sure,
        tags=tuple(ledger.tags_of(loss.number, loss.digest)), state=loss.state,
        media_type=media_type, artifact_type=artifact_type, subject=subject,
        platforms=tuple(each for each in platforms if each is not None),
        written=written, deleted=ledger.touched(loss.number, loss.digest),
        created=created if isinstance(created, str) else None, parts=inspector.parts(loss.digest),
    )  # fmt: skip


def _config(tree: Tree, document: dict[str, object]) -> dict[str, object]:
    config = document.get("config")
    if not isinstance(config, dict) or not isinstance(config.get("digest"), str):
        return {}
    return document_in(body_of(tree, Digest.parse(config["digest"]), LARGEST_CONFIG))
