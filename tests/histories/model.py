"""The reference model: plain dicts of what is live and what history still holds.

It repeats none of refloat's planning. What a change moved is taken from its record; the model says whether a
record may be so: what was asked happened, nothing else did without a reason, and what is live is closed.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.histories.universe import CONTENT, fallbacks_of

Tips = dict[str, str]  # reference -> digest


class Move(NamedTuple):
    """One line of history."""

    repository: str
    reference: str
    old: str | None
    new: str | None


@dataclass(eq=False)
class Change:
    """A change as it was recorded, and the tips of what it touched before it."""

    id: str
    kind: str
    moves: list[Move]
    held_until: str
    before: dict[str, Tips] = field(default_factory=dict)
    first_pushed: set[tuple[str, str]] = field(default_factory=set)
    pruned: bool = False


class Wrong(AssertionError):
    """refloat did or said something that must not be."""


class Model:
    """What a history has made of its repositories."""

    def __init__(self) -> None:
        self.tips: dict[str, Tips] = defaultdict(dict)
        self.stored: dict[str, set[str]] = defaultdict(set)  # manifests that are live or held
        self.leased: dict[str, set[str]] = defaultdict(set)  # blobs that may be readable though nothing live has them
        self.held: dict[str, set[str]] = defaultdict(set)  # blobs that a lease holds for certain
        self.kept: dict[str, set[str]] = defaultdict(set)  # manifests whose bytes were pushed as a blob too
        self.changes: list[Change] = []
        self.past: dict[tuple[str, str], list[Move]] = defaultdict(list)
        self.last_loss: dict[tuple[str, str], Change] = {}

    # what is so now

    def value(self, repository: str, reference: str) -> str | None:
        return self.tips[repository].get(reference)

    def tags(self, repository: str) -> list[str]:
        return sorted(reference for reference in self.tips[repository] if ":" not in reference)

    def live(self, repository: str) -> list[str]:
        return sorted(reference for reference in self.tips[repository] if ":" in reference)

    def blobs(self, repository: str, manifests: Iterable[str] | None = None) -> set[str]:
        """Return the blobs that some manifests use; those that are live, if not told."""
        chosen = self.live(repository) if manifests is None else manifests
        return {need for digest in chosen for need in CONTENT[digest].needs}

    def kept_parts(self, repository: str) -> set[str]:
        """Return what a manifest that is stored names and may hold as a blob."""
        return self.kept[repository] & {part for each in self.stored[repository] for part in CONTENT[each].children}

    def children(self, repository: str, digest: str) -> set[str]:
        return self.stored[repository] & set(CONTENT[digest].children)

    def parents(self, repository: str, digest: str) -> list[str]:
        return [parent for parent in self.live(repository) if digest in CONTENT[parent].children]

    def tags_on(self, repository: str, digest: str) -> list[str]:
        return [tag for tag in self.tags(repository) if self.tips[repository][tag] == digest]

    def referrers(self, repository: str, digest: str) -> list[str]:
        return [each for each in self.live(repository) if CONTENT[each].subject == digest]

    def is_needed(self, repository: str, digest: str) -> bool:
        return bool(self.tags_on(repository, digest) or self.parents(repository, digest))

    def is_last(self, change: Change) -> bool:
        """Did nothing move since in what a change touched?"""
        later = self.changes[self.changes.index(change) + 1 :]
        return all(change.before.keys().isdisjoint(each.before) for each in later)

    # what happens

    def apply(self, change: Change) -> None:
        """Follow a change. Raises Wrong where it does not begin at what was there, or leaves what is live open."""
        touched = {move.repository for move in change.moves}
        change.before = {repository: dict(self.tips[repository]) for repository in touched}
        for move in change.moves:
            if self.value(move.repository, move.reference) != move.old or move.old == move.new:
                raise Wrong(f"{change.kind} {change.id}: {move} did not begin at what was there")
            self._move(change, move)
        self.changes.append(change)
        for repository in touched:
            self.check_closed(repository)

    def _move(self, change: Change, move: Move) -> None:
        name = (move.repository, move.reference)
        if change.kind == "push" and ":" in move.reference and not self.past[name]:
            change.first_pushed.add(name)
        self.past[name].append(move)
        if move.new is None:
            del self.tips[move.repository][move.reference]
            self.last_loss[name] = change
        else:
            self.tips[move.repository][move.reference] = move.new

    def check_closed(self, repository: str) -> None:
        """Raise Wrong unless a tag's digest is a tip, and so is every child of a live index that is stored."""
        tips = self.tips[repository]
        for reference, digest in tips.items():
            if tips.get(digest) != digest or digest not in self.stored[repository]:
                raise Wrong(f"{repository}:{reference} is at {digest}, which is not live")
            for child in self.children(repository, digest):
                if child not in tips:
                    raise Wrong(f"{child} is part of the live index {digest} in {repository} and is not live")

    def pass_until(self, clock: str) -> None:
        """History lets go of every change that is due; manifests that nothing holds any more go."""
        for change in self.changes:
            change.pruned = change.pruned or change.held_until <= clock
        for repository in list(self.stored):
            held = {move.old for change in self.changes if not change.pruned for move in change.moves
                    if move.repository == repository and move.old is not None}  # fmt: skip
            self.stored[repository] &= self._with_children(repository, held | set(self.tips[repository].values()))

    def _with_children(self, repository: str, roots: Collection[str]) -> set[str]:
        found, pending = set[str](), list(roots)
        while pending:
            digest = pending.pop()
            if digest not in found:
                found.add(digest)
                pending.extend(self.children(repository, digest))
        return found

    # what a request must be answered

    def deletion(self, repository: str, references: Sequence[str], *, with_children: bool) -> set[int]:
        """Return the statuses that a deletion may be answered with; success is 200.

        A part is refused unless every index it is part of goes along. Whether parts of what is attached go too is not
        said, nor whether what needs each other in a circle does, so an answer that turns on that may be either.
        """
        if any(self.value(repository, reference) is None for reference in references):
            return {404}
        named = [reference for reference in references if ":" in reference]
        least = self._surely_going(repository, references, with_children=with_children)
        most = self._going(repository, references, with_children=with_children)
        statuses = {200}
        if any(self._needed_beside(repository, digest, least) for digest in named):
            statuses.add(403)
        if any(self._needed_beside(repository, digest, most) for digest in named):
            statuses.remove(200)
        return statuses

    def _surely_going(self, repository: str, references: Sequence[str], *, with_children: bool) -> set[str]:
        """Return what goes with references, one after the other, each when nothing that stays needs it."""
        roots, going = self._asked(repository, references)
        reach = self.following(repository, roots, with_children=with_children, and_of_attached=False)
        before = set[str]()
        while going != before:
            before = set(going)
            for each in roots | set(reach):
                follows = each in roots or bool(reach[each] & going)
                if follows and (":" not in each or not self._needed_beside(repository, each, going)):
                    going.add(each)
        return going

    def _asked(self, repository: str, references: Sequence[str]) -> tuple[set[str], set[str]]:
        """Return the digests that are meant, and the tags that go in any case."""
        roots = {value for reference in references if (value := self.value(repository, reference)) is not None}
        tags = {tag for each in references if ":" in each for tag in self.tags_on(repository, each)}
        return roots, tags | {each for each in references if ":" not in each}

    def _going(self, repository: str, references: Sequence[str], *, with_children: bool) -> set[str]:
        """Return what goes with references, the largest set of which nothing is needed by what stays."""
        roots, asked = self._asked(repository, references)
        reach = self.following(repository, roots, with_children=with_children, and_of_attached=True)
        going, before = roots | set(reach) | asked, set[str]()
        while going != before:
            before = set(going)
            for each in before - asked:
                follows = each in roots or bool(reach[each] & going)
                if not follows or (":" in each and self._needed_beside(repository, each, going)):
                    going.discard(each)
        return going

    def _needed_beside(self, repository: str, digest: str, going: Collection[str]) -> bool:
        needing = {*self.tags_on(repository, digest), *self.parents(repository, digest)}
        return not needing <= {*going}

    def undoing(self, change: Change, on_conflict: str) -> tuple[int, dict[tuple[str, str], str | None]]:
        """Return the status an undo must be answered with, and where its references must then be."""
        wish, conflicts = dict[tuple[str, str], str | None](), 0
        for move in change.moves:
            now = self.value(move.repository, move.reference)
            if now == move.old:
                continue
            conflicts += now != move.new
            if now == move.new or on_conflict == "replace":
                wish[(move.repository, move.reference)] = move.old
        if conflicts and on_conflict == "refuse":
            return 409, {}
        return self._wished(wish), wish

    def naming(self, repository: str, name: str, value: str, on_conflict: str) -> int:
        """Return the status that bringing a digest back under a name must be answered with."""
        now = self.value(repository, name)
        if now is not None and now != value and on_conflict != "replace":
            return {"refuse": 409, "skip": 200}[on_conflict]
        return 200 if now == value else self._wished({(repository, name): value})

    def _wished(self, wish: dict[tuple[str, str], str | None]) -> int:
        gone = any(value is not None and value not in self.stored[where] for (where, _), value in wish.items())
        return 410 if gone else 201 if wish else 200

    # whether a record may be so

    def check_taken(
        self, change: Change, repository: str, roots: Collection[str], asked: Collection[str], *, with_children: bool
    ) -> None:
        """Raise Wrong unless a change that removes `roots` took what follows them, and nothing else but `asked`.

        Something may stay only because it, or what it follows, is still needed.
        """
        before = Model()
        before.tips[repository], before.stored = change.before[repository], self.stored
        may = before.following(repository, roots, with_children=with_children, and_of_attached=True)
        must = before.following(repository, roots, with_children=with_children, and_of_attached=False)
        for move in change.moves:
            if move.new is None and move.repository == repository and move.reference not in {*may, *asked, *roots}:
                raise Wrong(f"{change.kind} {change.id} took {move.reference}, which follows nothing it removed")
        for reference, reasons in must.items():
            if reference in asked or self.value(repository, reference) is None or reasons & {*self.tips[repository]}:
                continue
            if ":" not in reference or not self.is_needed(repository, reference):
                raise Wrong(f"{change.kind} {change.id} left {reference}, which should follow {sorted(reasons)}")

    def following(
        self, repository: str, roots: Collection[str], *, with_children: bool, and_of_attached: bool
    ) -> dict[str, set[str]]:
        """Return what goes with `roots`, each with what it follows: referrers and theirs, fallback tags, children."""
        reach: dict[str, set[str]] = defaultdict(set)
        pending, seen = [(root, with_children) for root in roots], set[tuple[str, bool]]()
        while pending:
            digest, whole = pending.pop()
            if (digest, whole) in seen:
                continue
            seen.add((digest, whole))
            for each, how in self._attached(repository, digest, reach):
                pending.append((each, how == "attached" and and_of_attached))
            for child in self.children(repository, digest) if whole else ():
                if child in self.tips[repository]:
                    reach[child].add(digest)
                    pending.append((child, True))
        return reach

    def _attached(self, repository: str, digest: str, reach: dict[str, set[str]]) -> Iterable[tuple[str, str]]:
        """Add what refers to a digest, or is attached by a fallback tag, and yield which of both it is."""
        for referrer in self.referrers(repository, digest):
            reach[referrer].add(digest)
            for tag in self.tags_on(repository, referrer):
                reach[tag].add(referrer)
            yield referrer, "refers"
        for tag in fallbacks_of(digest):
            target = self.value(repository, tag)
            if target is not None:
                reach[tag].add(digest)
                reach[target].add(digest)
                yield target, "attached"

    def _lost_together(self, repository: str, roots: Collection[str]) -> tuple[set[str], set[tuple[str, str | None]]]:
        """Return what may come back with `roots`: their parts, what was lost with those, its parts, and so on."""
        parts, together, fresh = set[str](), set[tuple[str, str | None]](), self._with_children(repository, roots)
        while fresh:
            parts |= fresh
            losses = [self.last_loss[(repository, part)] for part in fresh if (repository, part) in self.last_loss]
            together |= {(move.reference, move.old) for loss in losses for move in loss.moves if move.new is None}
            fresh = self._with_children(repository, {digest for _, digest in together if digest}) - parts
        return parts, together

    def check_brought(self, change: Change, repository: str, wanted: dict[str, str]) -> None:
        """Raise Wrong unless what a change brought was wanted, is part of it, or was lost together with it."""
        brought = [move for move in change.moves if move.new is not None and move.repository == repository]
        parts, together = self._lost_together(repository, set(wanted.values()))
        for reference, value in wanted.items():
            if self.value(repository, reference) != value:
                raise Wrong(f"{change.kind} {change.id} did not bring {reference} to {value}")
        for move in brought:
            if wanted.get(move.reference) != move.new and move.reference not in parts \
                    and (move.reference, move.new) not in together:  # fmt: skip
                raise Wrong(f"{change.kind} {change.id} brought {move.reference}, which was not asked for")
