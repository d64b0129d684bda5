"""Who meets whom, and on what. Each story is short, so that its orders can be tried one by one."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.schedules.actors import (
    SESSION_ENDS,
    WINDOW_ENDS,
    Actor,
    Both,
    Canceller,
    Collector,
    Deleter,
    Finisher,
    Purger,
    Pusher,
    Releaser,
    Undoer,
)
from tests.schedules.planting import delete_image, plant_blob, plant_image
from tests.schedules.world import LEASE, World, image_of

X, Y = b"{}", b"layer"
A, B = "team/a", "team/b"
OLD = image_of("v1", (X,)).digest
Seed = Callable[[World], None]


@dataclass(frozen=True)
class Story:
    """What there is at the beginning, and who acts then."""

    name: str
    seed: Seed
    actors: tuple[Actor, ...]


def nothing(world: World) -> None:
    """An empty registry."""


def live(world: World) -> None:
    """An image whose blob nothing holds but the image: the hold of its pusher has ended."""
    plant_image(world, A, "v1", (X,))
    world.now += 2 * LEASE


def held(world: World) -> None:
    """The same, deleted a moment ago."""
    live(world)
    delete_image(world, A, OLD)


def due(world: World) -> None:
    """The same, and the time to undo it is over."""
    held(world)
    world.now += WINDOW_ENDS


def damaged(world: World) -> None:
    """A live image whose blob the disk cut short."""
    live(world)
    (row,) = world.metadata.read._execute("SELECT key FROM blobs").fetchall()
    world.blobs.path(row[0]).write_bytes(b"")
    world.collect()


def session(world: World) -> None:
    """An upload that has begun."""
    world.facts["session"] = world.ask("POST", f"/v2/{A}/blobs/uploads/").headers["location"]


def live_session(world: World) -> None:
    """An upload that has begun, of a blob that is live."""
    live(world)
    session(world)


def aging_session(world: World) -> None:
    """An upload that has begun, of a blob that is due."""
    due(world)
    session(world)


def unused(world: World) -> None:
    """A blob that was pushed and that no manifest uses yet."""
    plant_blob(world, A, X)


TO_THE_END = Both(Deleter(A, OLD), Collector(WINDOW_ENDS))
UNDO = Undoer(A, ("v1", OLD), OLD)
PURGE = Purger(A, X)
STORIES = (
    Story("a look while the last user goes", live, (TO_THE_END, Pusher(A, "v2", (X,), "head"))),
    Story("adopt or doom", due, (Collector(), Pusher(B, "v2", (X,)))),
    Story("adopt or doom, in pieces", due, (Collector(), Pusher(A, "v2", (X,), "session"))),
    Story("mount while the source goes", live, (TO_THE_END, Pusher(B, "v2", (X,), "mount", A))),
    Story("twins", due, (Collector(), Pusher(A, "v2", (X,)), Pusher(B, "v2", (X,)))),
    Story("one session, two ends", session, (Finisher(A, "v2", X), Finisher(A, "v3", X), Canceller())),
    Story("a session ends", aging_session, (Collector(SESSION_ENDS), Finisher(A, "v2", X))),
    Story("undo or prune", held, (Collector(WINDOW_ENDS), UNDO)),
    Story("undo, prune and push", held, (Collector(WINDOW_ENDS), UNDO, Pusher(A, "v1", (X,), "head"))),
    Story("four on one tag", held, (Collector(WINDOW_ENDS), UNDO, Pusher(A, "v1", (X,)), Deleter(A, "v1"))),
    Story("backup", live, (Collector(0, "before"), TO_THE_END.first, Pusher(B, "v2", (X,)))),
    Story(
        "backup, then a round",
        live,
        (Both(Deleter(A, OLD), Collector(WINDOW_ENDS, "before")), Pusher(B, "v2", (X,))),
    ),
    Story("release", unused, (Both(Releaser(A, X), Collector(1_000_000)), Pusher(A, "v2", (X,), "head"))),
    Story("release and mount", unused, (Both(Releaser(A, X), Collector(1_000_000)), Pusher(B, "v2", (X,), "mount", A))),
    Story("damaged", damaged, (Collector(), Pusher(A, "v2", (X,)), Pusher(B, "v2", (X,)))),
    Story("purge or push", live, (PURGE, Pusher(A, "v2", (X,), "head"), Pusher(B, "v2", (X,)))),
    Story("purge or mount", live, (PURGE, Pusher(B, "v2", (X,), "mount", A))),
    Story("purge or undo", held, (PURGE, UNDO)),
    Story("purge or delete", live, (PURGE, Deleter(A, OLD), Pusher(A, "v1", (X,)))),
    Story(
        "purge of what is being uploaded", live_session, (PURGE, Finisher(A, "v2", X), Pusher(B, "v1", (X,), "session"))
    ),
    Story("purge beside a look", unused, (PURGE, Pusher(A, "v2", (X,), "head"))),
    Story("leases end", unused, (Collector(2 * LEASE), Pusher(A, "v2", (X,), "head"))),
)


def mixed(dice: random.Random) -> Story:
    """Return a story with a beginning and two to four actors that dice chose."""
    seed = dice.choice((live, held, due, damaged, unused))
    contents = dice.choice(((X,), (X, Y), (Y, X)))
    pushers: list[Actor] = [
        Pusher(A, "v1", (X,), "head"), Pusher(A, "v2", contents, "head"), Pusher(A, "v2", contents),
        Pusher(B, "v1", contents, "session"), Pusher(B, "v2", contents, "mount", A), Pusher(B, "v1", contents, "head"),
    ]  # fmt: skip
    others: list[Actor] = [Deleter(A, OLD), Deleter(A, "v1"), Releaser(A, X), Deleter(B, "v1")]
    if seed in (held, due):
        others.append(UNDO)
    jump = dice.choice((0, WINDOW_ENDS, SESSION_ENDS, 2 * LEASE))
    collector = Collector(jump, dice.choice(("none",) * 8 + ("after",)))
    chosen: list[Actor] = [dice.choice(pushers), collector, *dice.sample(pushers + others, dice.randrange(3))]
    dice.shuffle(chosen)
    return Story("mixed", seed, tuple(chosen))
