"""kill -9 at every change that rm and restore ask for, before it arrives and after it is made; then the same again.

Whatever the moment: the image is whole where it was, or it is gone and comes back whole. Between the kill and the next
try the registry collects garbage.
"""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from queue import Queue
from typing import Literal

import pytest

from tests.cli.conftest import Done, Shell
from tests.clients.closure import Closure
from tests.portable.forked import Commands, Running
from tests.portable.peers import Peer, Plain
from tests.portable.reading import kept_in, read_tags
from tests.portable.relay import Cut, Moment, Relay, nth
from tests.portable.small import Small, make_small

Verb = Literal["rm", "restore"]
VERBS: tuple[Verb, ...] = ("rm", "restore")
NOT_FOUND = 6


@dataclass
class Stage:
    """A registry, a relay before it, and commands that ask through the relay."""

    peer: Peer | Plain
    relay: Relay
    commands: Commands
    every: int

    def run(self, verb: str, repository: str) -> Done:
        """Run a verb to its end, undisturbed."""
        return self.commands(verb, f"{self.peer.address}/{repository}:v1")

    def watched(self, verb: str, repository: str) -> Running:
        """Start a verb that asks through the relay."""
        return self.commands.start(verb, f"{self.relay.address}/{repository}:v1")


@dataclass
class Trial:
    """One image, and at which request of a verb it is interrupted."""

    verb: Verb
    repository: str
    small: Small
    before: dict[str, Closure] = field(default_factory=dict)

    def prepare(self, stage: Stage) -> None:
        """Push the image; for a restore, delete it."""
        self.small.push(stage.peer.wire, self.repository, "v1")
        self.before = read_tags(stage.peer.wire, self.repository)
        assert self.before.keys() == {"v1", self.small.fallback_tag}
        if self.verb == "restore":
            done = stage.run("rm", self.repository)
            assert done.code == 0, done.err

    def kill(self, stage: Stage, moment: Moment, number: int) -> bool:
        """Run the verb and kill it at a request. Was there such a request?"""
        stage.relay.forget()
        victim: Queue[int] = Queue()

        def kill() -> None:
            os.kill(victim.get(timeout=60), signal.SIGKILL)
            raise Cut

        made = stage.relay.interfere(moment, nth(number), kill)
        running = stage.watched(self.verb, self.repository)
        victim.put(running.pid)
        done = running.ended()
        assert done.code == (-signal.SIGKILL if made.happened else 0), (done, made)
        return made.happened is not None

    def again(self, stage: Stage) -> None:
        """Run the verb again, then see that the image is whole, or becomes so."""
        done = stage.run(self.verb, self.repository)
        there = read_tags(stage.peer.wire, self.repository)
        if self.verb == "rm":
            assert done.code == 0 or (done.code == NOT_FOUND and not there), (done, there.keys())
            assert there in ({}, self.before)
            self.nothing_is_unfinished(stage)
            done = stage.run("restore", self.repository)
        assert done.code == 0, (self, done)
        assert read_tags(stage.peer.wire, self.repository) == self.before
        self.nothing_is_unfinished(stage)

    def nothing_is_unfinished(self, stage: Stage) -> None:
        """Every entry in the trash was finished: nothing is kept that no list of deleted images leads to."""
        kept = set(kept_in(stage.peer.wire, self.repository))
        begun = {tag.removeprefix("begun-") for tag in kept if tag.startswith("begun-")}
        assert begun <= kept, kept


PEERS = {"stock": 1, "newer": 7, "plain": 7}
"""Every how manieth moment is tried: all where it is worst, and some where the registry does better."""


@pytest.fixture(params=PEERS)
def stage(request: pytest.FixtureRequest, person: Shell) -> Iterator[Stage]:
    """A registry, watched."""
    peer: Peer | Plain = request.getfixturevalue(request.param)
    with Relay(peer.address) as relay, Commands(person.environment) as commands:
        yield Stage(peer, relay, commands, PEERS[request.param])


def moments_of(verb: Verb, stage: Stage) -> list[tuple[Moment, int]]:
    """Return when to kill a verb: found by a run that nothing disturbs.

    Before everything it asks to be changed; after the last of it, and after every delete. Any other moment leaves the
    registry as one of these does: reads change nothing, and what was changed is so before the next is asked for.
    """
    trial = Trial(verb, f"killed/{verb}-moments", make_small(f"{verb} moments"))
    trial.prepare(stage)
    stage.relay.forget()
    done = stage.watched(verb, trial.repository).ended()
    assert done.code == 0, done.err
    changes = [request for request in stage.relay.requests if request.method not in ("GET", "HEAD")]
    answered = [request for request in changes if request.method == "DELETE" or request is changes[-1]]
    before: list[tuple[Moment, int]] = [("before", request.number) for request in changes]
    return [*before, *(("after", request.number) for request in answered)]


@pytest.mark.parametrize("verb", VERBS)
def test_killed_at_any_change(verb: Verb, stage: Stage) -> None:
    trials = []
    for moment, number in moments_of(verb, stage)[:: stage.every]:
        repository = f"killed/{verb}-{moment}-{number}"
        trial = Trial(verb, repository, make_small(repository))
        trial.prepare(stage)
        assert trial.kill(stage, moment, number), number
        trials.append(trial)
    assert len(trials) > 1
    stage.relay.forget()
    stage.peer.collect()
    for trial in trials:
        trial.again(stage)
