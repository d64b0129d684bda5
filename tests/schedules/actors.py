"""What clients do, request by request, and what they were promised on the way."""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

from refloat.core.errors import ManifestUnknown
from tests.schedules.world import IDLE, LEASE, WINDOW, Values, World, digest, image_of
from tools.content import Part

Bring = Literal["head", "upload", "session", "mount"]
Actor = Callable[[World], None]
ATTEMPTS = 3
LEAST = LEASE // 2  # a look at a blob renews a hold that is shorter


@dataclass(frozen=True)
class Pusher:
    """A client that pushes an image: how it brings the blobs, and from where it mounts them."""

    repository: str
    tag: str
    contents: tuple[bytes, ...]
    bring: Bring = "upload"
    source: str = ""

    def __call__(self, world: World) -> None:
        push = _Push(world, self.repository)
        for content in self.contents:
            push.bring(content, self.bring, self.source)
        push.put(self.tag, image_of(self.tag, self.contents), self.contents)


@dataclass
class _Push:
    world: World
    repository: str
    promised: dict[str, int] = field(default_factory=dict)

    def bring(self, content: bytes, how: Bring, source: str = "") -> None:
        """See to it that the repository holds a blob; what fails is tried again as a plain upload."""
        for attempt in range(ATTEMPTS):
            self._try(content, how if attempt == 0 else "upload", source)
            if digest(content) in self.promised:
                return

    def _try(self, content: bytes, how: Bring, source: str) -> None:
        name, since = digest(content), self.world.now
        if how == "head":
            if self.world.ask("HEAD", f"/v2/{self.repository}/blobs/{name}").status == 200:
                self.promised[name] = since + LEAST
        elif how == "mount":
            address = f"/v2/{self.repository}/blobs/uploads/?mount={name}&from={source}"
            answer = self.world.ask("POST", address)
            if answer.status == 201:
                self.promised[name] = since + LEASE
            elif answer.status == 202:
                self._finish(answer.headers["location"], content)
        elif how == "session":
            self._in_pieces(content)
        elif self.world.ask("POST", f"/v2/{self.repository}/blobs/uploads/?digest={name}", content).status == 201:
            self.promised[name] = since + LEASE

    def _in_pieces(self, content: bytes) -> None:
        location = self.world.ask("POST", f"/v2/{self.repository}/blobs/uploads/").headers["location"]
        half = len(content) // 2
        self.world.ask("PATCH", location, content[:half])
        self._finish(location, content[half:], digest(content))

    def _finish(self, location: str, rest: bytes, name: str = "") -> None:
        name, since = name or digest(rest), self.world.now
        if self.world.ask("PUT", f"{location}?digest={name}", rest).status == 201:
            self.promised[name] = since + LEASE

    def put(self, tag: str, image: Part, contents: Sequence[bytes]) -> None:
        """Put the manifest; what the registry then misses is brought again, as clients do."""
        for _ in range(ATTEMPTS):
            answer = self.world.ask(
                "PUT", f"/v2/{self.repository}/manifests/{tag}", image.body, image.media_type
            )  # fmt: skip
            if answer.status == 201:
                self.world.acknowledged(pushed(self.repository, tag, image.digest))
                return
            missing = [entry["detail"]["digest"] if isinstance(entry["detail"], dict) else entry["detail"]
                       for entry in json.loads(answer.body)["errors"]]  # fmt: skip
            self._compare_with_promises(missing)
            self.promised.clear()
            for content in contents:
                self.bring(content, "upload")

    def _compare_with_promises(self, missing: Sequence[object]) -> None:
        refused = json.dumps(missing)
        for name, until in self.promised.items():
            holds = self.world.now < until and (self.repository, name) not in self.world.released
            if holds and name in refused:
                self.world.broken.append(f"{self.repository} was promised {name[:15]} and its manifest was refused")


@dataclass(frozen=True)
class Finisher:
    """A client that finishes the upload `session` was begun for, and uses the blob."""

    repository: str
    tag: str
    content: bytes

    def __call__(self, world: World) -> None:
        push = _Push(world, self.repository)
        push._finish(world.facts["session"], self.content)
        if push.promised:
            push.put(self.tag, image_of(self.tag, (self.content,)), (self.content,))


@dataclass(frozen=True)
class Canceller:
    """A client that ends the upload `session`."""

    def __call__(self, world: World) -> None:
        world.ask("DELETE", world.facts["session"])


@dataclass(frozen=True)
class Deleter:
    """Somebody who deletes a tag or a digest."""

    repository: str
    reference: str

    def __call__(self, world: World) -> None:
        answer = world.ask("DELETE", f"/v2/{self.repository}/manifests/{self.reference}")
        if answer.status == 202:
            world.acknowledged(deleted(self.repository, self.reference))
            world.facts.setdefault("change", answer.headers["refloat-change"])


@dataclass(frozen=True)
class Releaser:
    """Somebody who deletes a blob: it ends the hold of a repository."""

    repository: str
    content: bytes

    def __call__(self, world: World) -> None:
        world.released.add((self.repository, digest(self.content)))
        world.ask("DELETE", f"/v2/{self.repository}/blobs/{digest(self.content)}")


@dataclass(frozen=True)
class Undoer:
    """Somebody who takes the delete `change` back, which moved these references away from `value`."""

    repository: str
    references: tuple[str, ...]
    value: str

    def __call__(self, world: World) -> None:
        answer = world.ask("POST", f"/v2/_refloat/v1/changes/{world.facts['change']}/undo", b"{}", "application/json")
        if answer.status in (200, 201):
            world.acknowledged(brought_back(self.repository, self.references, self.value))


@dataclass(frozen=True)
class Collector:
    """The collector after some time: a round, and a backup before or after it where asked."""

    wait: int = 0
    backup: Literal["none", "before", "after"] = "none"

    def __call__(self, world: World) -> None:
        if self.backup == "before":
            world.back_up()
        if self.wait:
            world.pass_time(self.wait)
        world.collect()
        if self.backup == "after":
            world.back_up()


@dataclass(frozen=True)
class Purger:
    """Somebody who ends a blob for good, in every repository. No collector runs beside it: they have one lock."""

    repository: str
    content: bytes

    def __call__(self, world: World) -> None:
        for repository in ("team/a", "team/b"):
            world.released.add((repository, digest(self.content)))
        try:
            ended = world.purge(self.repository, self.content)
        except ManifestUnknown:  # nobody has it any more
            return
        world.acknowledged(purged(ended))


@dataclass(frozen=True)
class Both:
    """One after the other, by the same actor."""

    first: Actor
    second: Actor

    def __call__(self, world: World) -> None:
        self.first(world)
        self.second(world)


WINDOW_ENDS = WINDOW + 1_000_000
SESSION_ENDS = IDLE + 1_000_000


def pushed(repository: str, tag: str, value: str) -> Callable[[Values], None]:
    """Return what it does to the references."""

    def effect(values: Values) -> None:
        values[repository, value] = values[repository, tag] = value

    return effect


def purged(manifests: Collection[str]) -> Callable[[Values], None]:
    """Return what it does to the references."""

    def effect(values: Values) -> None:
        for place in [place for place, value in values.items() if value in manifests]:
            del values[place]

    return effect


def deleted(repository: str, reference: str) -> Callable[[Values], None]:
    """Return what it does to the references."""

    def effect(values: Values) -> None:
        for place in [place for place, value in values.items() if place[0] == repository and value == reference]:
            del values[place]
        values.pop((repository, reference), None)

    return effect


def brought_back(repository: str, references: Sequence[str], value: str) -> Callable[[Values], None]:
    """Return what it does to the references."""

    def effect(values: Values) -> None:
        values.update({(repository, reference): value for reference in references})

    return effect
