"""The worlds that are explored, and for each guard the world that needs it."""

from itertools import combinations
from typing import get_args

from tests.models.collecting import Protocol
from tests.models.explorer import LEAK, LOSS, REFUSED, REVIVED, Explored, Finding, explore
from tests.models.indexed import Rule
from tests.models.indexed import State as Indexed
from tests.models.indexing import Indexing
from tests.models.world import Client, Guard, State

ALL: frozenset[Guard] = frozenset(get_args(Guard))
RULES: frozenset[Rule] = frozenset(get_args(Rule))
ENDED = Client("end", 0)
CALM = State(repeats=0, doubts=0, power_cuts=0, timeouts=0)
BACKED_UP = CALM._replace(backups=2, clients=(Client("head", 1), ENDED))
BACKED_UP_UPLOADING = CALM._replace(backups=2, clients=(ENDED, Client("start", 1)))
LUCK = {
    "a live blob that is hashed too long ago": "doubts",
    "a repeated request": "repeats",
    "a power cut": "power_cuts",
    "a removal that is carried out late": "timeouts",
    "a server that dies": "crashes",
    "a purge": "purges",
}
TWICE = ("doubts", "repeats", "power_cuts", "crashes")


def unlucky(world: State, *luck: str) -> State:
    """Return a world in which each of these may happen as often as it is named."""
    for name in luck:
        world = State(**{**world._asdict(), name: getattr(world, name) + 1})
    return world


def pairs() -> dict[str, State]:
    """Return every two kinds of bad luck together, the same twice among them, and each with a restored backup."""
    worlds = {f"{told} and {other}": unlucky(CALM, LUCK[told], LUCK[other]) for told, other in combinations(LUCK, 2)}
    worlds |= {f"{told}, twice": unlucky(CALM, name, name) for told, name in LUCK.items() if name in TWICE}
    for told, name in LUCK.items():
        worlds[f"{told} and a restored backup"] = unlucky(BACKED_UP, name)
        worlds[f"{told} and a restored backup, uploading"] = unlucky(BACKED_UP_UPLOADING, name)
    return worlds


def threes() -> dict[str, State]:
    """Return some three kinds of bad luck together: a power cut with what is doubted, repeated or late, or a death."""
    told = {name: words for words, name in LUCK.items()}
    chosen = (("repeats", "timeouts"), ("repeats", "crashes"), ("timeouts", "crashes"),
              ("doubts", "repeats"), ("doubts", "timeouts"))  # fmt: skip
    return {
        f"a power cut, {told[one]} and {told[other]}": unlucky(CALM, "power_cuts", one, other) for one, other in chosen
    }


INDEXED = {
    "an index, four changes and a purge": (Indexed(purges=1), 4),
    "an index, four changes, three uploads and a purge": (Indexed(purges=1, uploads=3), 4),
    "an index, five changes": (Indexed(), 5),
    "an index, three changes, a purge and a restored backup": (Indexed(purges=1, backups=2), 3),
    "an index, four changes and a restored backup": (Indexed(backups=2, uploads=1), 4),
    "an index whose part is a blob too, four changes": (Indexed(uploads=1, twins=2), 4),
    "an index whose part is a blob too, three changes and a purge": (Indexed(purges=1, twins=1), 3),
    "an index whose part is a blob too, three changes, a backup": (Indexed(backups=2, uploads=1, twins=1), 3),
}

UNKNOWN = "PUT manifest: blob unknown"
WITHOUT: dict[Guard, tuple[State, Finding, tuple[str, ...]]] = {
    "foreign-key": (
        CALM,
        LOSS,
        ("header: PUT manifest: its blob is held", "collector: condemn key 1", "header: PUT manifest: stored, 201"),
    ),
    "condemn-in-one-transaction": (
        CALM,
        LOSS,
        ("collector: sees nothing that uses the blob", "collector: condemn what it saw unused"),
    ),
    "no-session-no-write": (
        CALM,
        LOSS,
        ("janitor: session of key 2 is over", "uploader: upload: key 2 is live, 201", "reaper: remove key 2"),
    ),
    "adopt-only-what-is-live-now": (
        CALM,
        REFUSED,
        ("uploader: upload: the live blob is there", "collector: condemn key 1", "uploader: upload: adopt key 1, 201"),
    ),
    "durable-before-the-answer": (
        CALM._replace(power_cuts=1),
        LOSS,
        ("uploader: upload: key 2 is live, 201", "uploader: PUT manifest: stored, 201", "POWER CUT"),
    ),
    "fresh-keys": (
        CALM,
        LOSS,
        ("uploader: upload: begin key 1", "janitor: session of key 1 is over", "reaper: remove key 1"),
    ),
    "ended-leases-are-the-queue": (CALM, LEAK, ("its window ends: prune, sweep",)),
    "tombstones": (CALM, LEAK, ("reaper: forget key 2", "uploader: upload: write key 2")),
    "leases-hold": (
        CALM,
        REFUSED,
        ("uploader: mount, 201", "collector: lease of repository 1 ends, in use", f"uploader: {UNKNOWN}"),
    ),
    "backups-keep-bytes": (
        BACKED_UP,
        LOSS,
        ("back up the database", "reaper: remove key 1", "RESTORE THE DATABASE FROM ITS BACKUP"),
    ),
    "uploads-read-the-block": (
        CALM._replace(purges=1),
        REVIVED,
        ("PURGE: block, end leases, take every reference, condemn", "uploader: upload: key 2 is live, 201"),
    ),
    "purge-takes-every-reference": (
        CALM._replace(purges=1),
        LOSS,
        ("uploader: PUT manifest: stored, 201", "PURGE: block, end leases, take every reference, condemn"),
    ),
    "purge-ends-leases": (
        CALM._replace(purges=1),
        REVIVED,
        ("header: HEAD 200, hold renewed", "PURGE: block, end leases, take every reference, condemn"),
    ),
    "purge-waits-for-no-backup": (
        BACKED_UP._replace(purges=1),
        LEAK,
        ("back up the database", "PURGE: block, end leases, take every reference, condemn"),
    ),
    "blocks-outlive-the-database": (
        BACKED_UP._replace(purges=1),
        REVIVED,
        (
            "back up the database",
            "PURGE: block, end leases, take every reference, condemn",
            "RESTORE THE DATABASE FROM ITS BACKUP",
        ),
    ),
}

RULES_NEEDED: dict[Rule, tuple[Indexed, int, Finding]] = {
    "children-come-along": (Indexed(), 3, LOSS),
    "what-is-needed-stays": (Indexed(), 3, LOSS),
    "a-part-that-comes-is-one": (Indexed(twins=1), 3, LOSS),
    "a-blob-that-comes-is-held": (Indexed(twins=1), 3, LOSS),
    "one-transaction": (Indexed(), 3, LOSS),
    "moves-hold": (Indexed(), 3, LOSS),
    "undo-needs-it-whole": (Indexed(), 3, LOSS),
    "what-is-live-stays": (Indexed(), 3, LOSS),
    "what-history-holds-stays": (Indexed(), 3, LOSS),
    "what-an-index-needs-stays": (Indexed(), 4, LOSS),
    "ended-leases-are-the-queue": (Indexed(), 3, LEAK),
    "condemn-only-what-nothing-holds": (Indexed(), 3, LOSS),
    "puts-read-the-block": (Indexed(purges=1), 3, REVIVED),
    "purge-ends-history": (Indexed(purges=1), 3, LOSS),
    "blocks-outlive-the-database": (Indexed(purges=1, backups=2), 3, REVIVED),
}


def run(
    start: State, without: Guard | None = None, until: Finding | None = None, distinct: set[int] | None = None
) -> Explored:
    """Explore the protocol, with all its guards or without one."""
    protocol = Protocol(ALL - {without} if without else ALL)
    return explore(start, protocol.steps, protocol.judge, protocol.judge_rest, until=until, distinct=distinct)


def run_indexed(
    start: Indexed, changes: int, without: Rule | None = None, until: Finding | None = None,
    distinct: set[int] | None = None,
) -> Explored:  # fmt: skip
    """Explore a repository with an index, with all rules or without one."""
    world = Indexing(RULES - {without} if without else RULES, changes)
    return explore(start, world.steps, world.judge, world.judge_rest, until=until, distinct=distinct)
