"""The histories: what may happen, in any order, and what is looked at in between."""

import random
import sys
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.histories.bench import Bench
from tests.histories.model import Change, Model, Wrong
from tests.histories.speaking import Voice
from tests.histories.universe import ATTACHING, BLOBS, CONTENT, TAGS, WORLD, Content
from tests.histories.watching import Watch

PLACES = ("a", "b", "c")
HISTORIES_PER_RESTART = 5

places = st.sampled_from(["a", "a", "a", "b", "b", "c"])
tags = st.sampled_from([*TAGS, *TAGS, *ATTACHING])
contents = st.sampled_from(list(WORLD))
blobs = st.sampled_from(list(BLOBS))
picks = st.integers(0, 40)
conflicts = st.sampled_from(["refuse", "skip", "replace"])
scopes = st.sampled_from(["image", "image", "tag"])
sources = st.none() | places


class Histories(RuleBasedStateMachine):
    """One history in repositories of its own; the server lives through many."""

    bench: ClassVar[Bench]

    def __init__(self) -> None:
        super().__init__()
        self.bench.begin_history()
        self.model = Model()
        self.voice = Voice(self.bench, self.model)
        self.repositories = [f"h{self.bench.histories:07}/{place}" for place in PLACES]
        self.watch = Watch(self.bench, self.model, self.repositories, random.Random(0))
        self.restarts = 0
        self.settled = self.bench.asked

    @initialize(
        restarts=st.sampled_from([1, *[0] * (HISTORIES_PER_RESTART - 1)]),
        first=st.lists(st.tuples(places, contents, tags), max_size=4),
    )
    def begin(self, restarts: int, first: list[tuple[str, str, str]]) -> None:
        """Begin with some images. A start takes as long as many requests: one history in some has one."""
        self.restarts = restarts
        for place, content, tag in first:
            self._push(place, WORLD[content], tag, None, "whole", ())

    @invariant()
    def steps_end(self) -> None:
        """Note that a step came to its end."""
        self.settled = self.bench.asked

    def name(self, place: str) -> str:
        return self.repositories[PLACES.index(place)]

    def _full(self, place: str) -> str:
        """Return this repository if something is there, else one where something is, if there is one."""
        full = [repository for repository in self.repositories if self.model.tips[repository]]
        return self.name(place) if self.name(place) in full or not full else full[0]

    def _live(self, repository: str, pick: int) -> str:
        """Return something that is there, or a tag that is not."""
        live = [*sorted(self.model.tips[repository]), *TAGS[:1]]
        return live[pick % len(live)]

    def _change(self, back: int) -> Change:
        return self.model.changes[-1 - back % len(self.model.changes)]

    # pushing

    @rule(place=places, content=contents, tag=tags, source=sources, parts=st.sampled_from(["whole", "sparse"]))
    def push(self, place: str, content: str, tag: str, source: str | None, parts: str) -> None:
        """Push under a tag; an index with its children before it, or without."""
        self._push(place, WORLD[content], tag, source, parts, ())

    @rule(place=places, content=contents, tags=st.lists(tags, max_size=3), source=sources)
    def push_by_digest(self, place: str, content: str, tags: list[str], source: str | None) -> None:
        """Push by digest, with tags in the query or with none."""
        self._push(place, WORLD[content], WORLD[content].digest, source, "whole", tags)

    @rule(place=places, pick=picks, tag=tags)
    def push_again(self, place: str, pick: int, tag: str) -> None:
        """Push what is there under one more tag, or the same."""
        repository = self._full(place)
        digest = self.model.value(repository, self._live(repository, pick))
        if digest is not None:
            self._push(PLACES[self.repositories.index(repository)], CONTENT[digest], tag, None, "sparse", ())
        self._step()

    def _push(
        self, place: str, content: Content, reference: str, source: str | None, parts: str, tags: list[str] | tuple[()]
    ) -> None:
        repository = self.name(place)
        if parts == "whole":
            for child in content.children:
                self._push(place, CONTENT[child], child, source, "whole", ())
        if content.algorithm != "sha256" and ":" not in reference:
            reference, tags = content.digest, [reference]
        self.voice.bring_blobs(repository, content, self.name(source) if source and source != place else None)
        self.voice.put(repository, content, reference, tags)
        self._step()

    @rule(place=places, content=contents, tag=tags)
    def put_back(self, place: str, content: str, tag: str) -> None:
        """Put a saved manifest without bringing its blobs."""
        by_digest = WORLD[content].algorithm != "sha256"
        self.voice.put(self.name(place), WORLD[content], WORLD[content].digest if by_digest else tag)
        self._step()

    @rule(place=places, source=places, blob=blobs)
    def mount(self, place: str, source: str, blob: str) -> None:
        """Mount a blob that no manifest may ever use."""
        self.voice.mount(self.name(place), self.name(source), BLOBS[blob])
        self._step()

    @rule(place=places, content=contents)
    def keep(self, place: str, content: str) -> None:
        """Push the bytes of a manifest as a blob, as who keeps its file does."""
        self.voice.keep(self.name(place), WORLD[content])
        self._step()

    @rule(place=places, blob=blobs)
    def release(self, place: str, blob: str) -> None:
        """Delete a blob."""
        self.voice.release(self.name(place), blob)
        self._step()

    # deleting

    @rule(place=places, pick=picks)
    def delete(self, place: str, pick: int) -> None:
        """Delete over the wire what is there."""
        repository = self._full(place)
        self.voice.delete(repository, self._live(repository, pick))
        self._step()

    @rule(place=places, content=contents)
    def delete_by_digest(self, place: str, content: str) -> None:
        """Delete over the wire by digest what is there, or may be."""
        repository, digest = self._full(place), WORLD[content].digest
        live = self.model.live(repository)
        self.voice.delete(repository, digest if digest in live or not live else live[len(digest + content) % len(live)])
        self._step()

    @rule(place=places, chosen=st.lists(picks, min_size=1, max_size=3), scope=scopes)
    def remove(self, place: str, chosen: list[int], scope: str) -> None:
        """Remove some of what is there in one change."""
        repository = self._full(place)
        self.voice.remove(repository, [self._live(repository, pick) for pick in chosen], scope)
        self._step()

    # bringing back

    @precondition(lambda self: self.model.changes)
    @rule(back=st.integers(0, 8), on_conflict=conflicts)
    def undo(self, back: int, on_conflict: str) -> None:
        """Take one of the newest changes back."""
        self.voice.undo(self._change(back), on_conflict)
        self._step()

    @precondition(lambda self: self.model.changes)
    @rule(back=st.integers(0, 60), on_conflict=conflicts)
    def undo_old(self, back: int, on_conflict: str) -> None:
        """Take a change back that may be long ago."""
        self.voice.undo(self._change(back), on_conflict)
        self._step()

    @precondition(lambda self: self.model.changes)
    @rule(back=st.integers(0, 12), pick=picks, tag=tags, on_conflict=conflicts)
    def undo_as(self, back: int, pick: int, tag: str, on_conflict: str) -> None:
        """Bring one reference of a change back under another name."""
        change = self._change(back)
        self.voice.undo_as(change, change.moves[pick % len(change.moves)], tag, on_conflict)
        self._step()

    @rule(
        place=places, pick=picks, revision=st.none() | st.integers(1, 3), name=st.none() | tags, on_conflict=conflicts
    )
    def restore(self, place: str, pick: int, revision: int | None, name: str | None, on_conflict: str) -> None:
        """Bring something back that was once there."""
        repository = self.name(place)
        known = sorted(reference for where, reference in self.model.past if where == repository)
        reference = known[pick % len(known)] if known else TAGS[0]
        self.voice.restore(repository, reference, revision, name, on_conflict)
        self._step()

    # time and trouble

    @rule()
    def collect(self) -> None:
        """Run a round: where windows are of days, it may let go of nothing but blobs that somebody deleted."""
        done = self.watch.collect()
        released, self.bench.released = len(self.bench.released), set()
        if self.bench.windows == "days" and (done["pruned"] or done["swept"] or int(str(done["condemned"])) > released):
            raise Wrong(f"a round collected what is inside its window: {done}")
        self._step()

    @precondition(lambda self: self.restarts)
    @rule(how=st.integers(0, 9), place=places, pick=picks)
    def start_again(self, how: int, place: str, pick: int) -> None:
        """End the server by force or not, perhaps in the middle of a request, and perhaps under a wrong clock."""
        ways = self.bench.restarts
        chosen = ways[how % len(ways)]
        self.restarts = 0
        if chosen == "kill mid-request":
            self._die_deleting(self.name(place), pick)
        else:
            self.bench.start_again(chosen)
        if chosen.endswith("d"):
            self._doubt_leases()
        self.watch.everything()
        self._step()

    def _die_deleting(self, repository: str, pick: int) -> None:
        """A deletion that nobody heard the answer of happened whole or not at all."""
        reference = self._live(repository, pick)
        asked = [reference, *self.model.tags_on(repository, reference)]
        self.bench.send("DELETE", f"/v2/{repository}/manifests/{reference}")
        self.bench.start_again("kill mid-request")
        newest = self.voice.newest(repository)
        if newest is not None and newest.id not in {change.id for change in self.model.changes}:
            self.voice.follow_deletion(newest, repository, asked, done=True)

    def _doubt_leases(self) -> None:
        """By a wall clock far ahead a lease is over for a reader, though nothing is collected for that."""
        for repository in self.repositories:
            self.model.leased[repository] |= set(BLOBS)

    def _step(self) -> None:
        self.bench.operations += 1
        self.watch.some()

    def teardown(self) -> None:
        """At the end all is looked at; where all is due at once, the disk too, and then everything is deleted."""
        finding = sys.exc_info()[1]
        if self.settled != self.bench.asked and finding is not None:
            self.bench.found(finding)
            return
        try:
            self._end()
        except Exception as finding:
            self.bench.found(finding)
            raise
        self.bench.is_clean = True

    def _end(self) -> None:
        self.watch.everything()
        if self.bench.windows == "at once":
            self.watch.disk()
            self._undo_what_is_gone()
            self._delete_everything()
            self.watch.disk()

    def _undo_what_is_gone(self) -> None:
        """What the collector let go of cannot come back, and says so."""
        for change in self.model.changes[-5:]:
            self.voice.undo(change, "replace")
        self.watch.everything()

    def _delete_everything(self) -> None:
        for repository in self.repositories:
            while self.model.tips[repository]:
                free = [each for each in self.model.live(repository) if not self.model.parents(repository, each)]
                self.voice.remove(repository, free, "image")
