"""A repository kept in dictionaries, so that the real use cases can be run through every history.

It keeps the part of `ports.Transaction` that moving references needs. Nothing is ever pruned here.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, cast

from refloat.core.kinds import ChangeKind
from refloat.core.manifest import Manifest, Need
from refloat.core.moves import Move
from refloat.core.names import Digest, Reference, RepositoryName, Tag
from refloat.core.records import Cause, Change, Moved, PastValue
from refloat.ports import Transaction

REPOSITORY = RepositoryName("team/api")
Tips = Mapping[Reference, Digest]


class Entry(NamedTuple):
    """One change: how it came about and what it moved."""

    kind: ChangeKind
    moves: tuple[Move, ...]


class History(NamedTuple):
    """A repository's whole past: its tips, its changes, the manifests it has."""

    tips: frozenset[tuple[Reference, Digest]] = frozenset()
    log: tuple[Entry, ...] = ()
    stored: frozenset[Digest] = frozenset()


class Book:
    """One transaction on a history. `manifests` says what each digest that may be pushed means."""

    def __init__(self, history: History, manifests: Mapping[Digest, Manifest]) -> None:
        self.tips = dict(history.tips)
        self.log = history.log
        self.stored = set(history.stored)
        self._manifests = manifests

    @property
    def transaction(self) -> Transaction:
        return cast(Transaction, self)

    @property
    def outcome(self) -> History:
        return History(frozenset(self.tips.items()), self.log, frozenset(self.stored))

    def lock(self, repositories: Iterable[RepositoryName]) -> None:
        """Nobody else is here."""

    def view(self, repository: RepositoryName) -> "Book":
        return self

    @property
    def listing(self) -> "Book":
        return self

    @property
    def read(self) -> "Book":
        return self

    # ports.Reader

    def block_on(self, digest: Digest) -> None:
        """Nothing here is ever purged."""

    # core.moves.View

    def value(self, reference: Reference) -> Digest | None:
        return self.tips.get(reference)

    def tags_on(self, digest: Digest) -> list[Tag]:
        return [tag for tag, value in self.tips.items() if value == digest and isinstance(tag, Tag)]

    def children(self, digest: Digest) -> list[Digest]:
        if digest not in self.stored:
            return []
        needs = self._manifests[digest].needs
        return [need.digest for need in needs if need.kind == "child" and need.digest in self.stored]

    def live_parents(self, digest: Digest) -> list[Digest]:
        return [parent for parent in self._live() if digest in self.children(parent)]

    def live_referrers(self, digest: Digest) -> list[Digest]:
        return [live for live in self._live() if self._manifests[live].subject == digest]

    def _live(self) -> list[Digest]:
        return [reference for reference in self.tips if isinstance(reference, Digest)]

    # ports.Transaction

    def record(
        self, kind: ChangeKind, cause: Cause, moves: Mapping[RepositoryName, Sequence[Move]], undoes: str | None
    ) -> str | None:
        made = tuple(moves[REPOSITORY])
        if not made:
            return None
        for move in made:
            assert self.tips.get(move.reference) == move.old
            if move.new is None:
                del self.tips[move.reference]
            else:
                self.tips[move.reference] = move.new
        self.log = (*self.log, Entry(kind, made))
        return cause.change

    def lost_with(
        self, repository: RepositoryName, digests: Sequence[Digest], known: Collection[Digest]
    ) -> list[tuple[Move, Digest | None]]:
        found: dict[Move, Digest | None] = {}
        for digest in digests:
            losses = (entry for entry in reversed(self.log) if Move(digest, digest, None) in entry.moves)
            for move in next(losses, Entry("rm", ())).moves:
                if move.new is None:
                    found[move] = self._subject(move.reference)
        return list(found.items())

    def has_moved_before(self, repository: RepositoryName, reference: Reference, seq: int) -> bool:
        earlier = [move for entry in self.log for move in entry.moves][:seq]
        return any(move.reference == reference for move in earlier)

    def _subject(self, reference: Reference) -> Digest | None:
        return self._manifests[reference].subject if isinstance(reference, Digest) else None

    def has_manifest(self, repository: RepositoryName, digest: Digest) -> bool:
        return digest in self.stored

    def media_type(self, repository: RepositoryName, digest: Digest) -> str | None:
        return self._manifests[digest].media_type if digest in self.stored else None

    def missing(self, repository: RepositoryName, needs: Iterable[Need]) -> list[Digest]:
        return []

    def put_manifest(
        self, repository: RepositoryName, digest: Digest, body: bytes, manifest: Manifest, at: int
    ) -> None:
        self.stored.add(digest)

    def heal_manifest(self, repository: RepositoryName, digest: Digest, body: bytes) -> None:
        """Nothing here is ever damaged."""

    def used(self, repository: RepositoryName, digest: Digest) -> None:
        """There are no leases here."""

    # ports.Listing

    def change(self, prefix: str) -> Change:
        kind, made = self.log[int(prefix)]
        before = sum(len(entry.moves) for entry in self.log[: int(prefix)])
        moves = tuple(Moved(REPOSITORY, seq, move, held=True) for seq, move in enumerate(made, before))
        return Change(prefix, None, 0, kind, None, None, None, None, None, 0, moves, len(moves))

    def history(
        self, repository: RepositoryName, reference: Reference | None, before: int | None, limit: int
    ) -> list[PastValue]:
        return []
