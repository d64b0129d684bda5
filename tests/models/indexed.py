"""An index and its child in one repository: pushes, deletes, undos, windows that end, sweeps, a purge, a restore.

`A` is an image with one blob, `I` the index that names it, `t` a tag. The bytes of `A` itself may be there as a blob
too, its twin. How a blob's bytes come and go is told in `world.py`; here it is there or not.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

CHILDREN = {"A": (), "I": ("A",)}
PARENT = "I"
Move = tuple[str, str | None, str | None]  # reference, old, new
Wish = Mapping[str, str | None]

Rule = Literal[
    "children-come-along",  # what makes an index live makes its children live
    "what-is-needed-stays",  # a child of a live index does not leave
    "a-part-that-comes-is-one",  # an index has its child though it has the twin already
    "a-blob-that-comes-is-held",  # an index has the twin though it has its child already
    "one-transaction",  # what a request decides is written before anything else is
    "moves-hold",  # what a change displaced is held until its window ends
    "undo-needs-it-whole",
    "what-is-live-stays",  # at a sweep
    "what-history-holds-stays",
    "what-an-index-needs-stays",
    "ended-leases-are-the-queue",
    "condemn-only-what-nothing-holds",
    "puts-read-the-block",
    "purge-ends-history",
    "blocks-outlive-the-database",
]


FOLLOWS: Rule = "a-part-that-comes-is-one"
HOLDS: Rule = "a-blob-that-comes-is-held"


class Change(NamedTuple):
    """One change: its window is open until it is pruned, and until then it holds what it displaced."""

    moves: tuple[Move, ...]
    is_open: bool = True
    holds: bool = True


class Database(NamedTuple):
    """What a backup has."""

    tips: frozenset[tuple[str, str]] = frozenset()
    log: tuple[Change, ...] = ()
    stored: frozenset[str] = frozenset()
    whole: bool = False  # has the index had its child?
    edge: frozenset[str] = frozenset()  # what the index is bound to: the child, the twin
    blob: bool = False
    lease: str = "none"
    twin: bool = False
    twin_lease: str = "none"
    kept: bool = False  # has the index had the twin?
    blocked: bool = False


class State(NamedTuple):
    """The database, and what is outside it. Counters say how often something may still happen."""

    now: Database = Database()
    backup: Database | None = None
    decided: tuple[str, tuple[Move, ...]] | None = None  # by a request that has not written yet
    uploads: int = 2
    twins: int = 0  # uploads of the twin
    purges: int = 0
    backups: int = 0
    purged: bool = False

    def to(self, now: Database) -> "State":
        return self._replace(now=now)


def tip(db: Database, reference: str) -> str | None:
    return dict(db.tips).get(reference)


def settled(db: Database, wish: Wish, rules: frozenset[Rule]) -> tuple[Move, ...]:
    """Return the moves that fulfil a wish as far as live stays closed."""
    whole = dict(wish)
    for value in [value for value in wish.values() if value is not None]:
        whole[value] = value
        if "children-come-along" in rules:
            whole.update({child: child for child in children(db, value) if child in db.stored})
    after = {**dict(db.tips), **whole}
    for child in ("A",):
        needed = (after.get(PARENT) is not None and child in children(db, PARENT)) or after.get("t") == child
        if child in whole and whole[child] is None and needed and "what-is-needed-stays" in rules:
            del whole[child]
    moves = ((reference, tip(db, reference), value) for reference, value in sorted(whole.items()))
    return tuple(move for move in moves if move[1] != move[2])


def recorded(db: Database, moves: tuple[Move, ...], rules: frozenset[Rule]) -> Database:
    """Write moves down as one change."""
    tips = dict(db.tips)
    for reference, _, value in moves:
        tips.pop(reference, None)
        if value is not None:
            tips[reference] = value
    change = Change(moves, holds="moves-hold" in rules)
    return db._replace(tips=frozenset(tips.items()), log=(*db.log, change))


def pruned(db: Database, number: int, rules: frozenset[Rule]) -> Database:
    """A change's window ends: it lets go, and what nothing holds is swept."""
    change = db.log[number]
    log = (*db.log[:number], change._replace(is_open=False, holds=False), *db.log[number + 1 :])
    db = db._replace(log=log)
    for digest in sorted({old for _, old, _ in change.moves if old is not None}, reverse=True):
        db = swept(db, digest, rules)
    return db


def swept(db: Database, digest: str, rules: frozenset[Rule]) -> Database:
    if digest not in db.stored or is_kept(db, digest, rules):
        return db
    parts = children(db, digest)
    db = db._replace(stored=db.stored - {digest})
    if digest == "A" and db.lease == "none" and "ended-leases-are-the-queue" in rules:
        db = db._replace(lease="over")
    if digest == PARENT:
        if "twin" in db.edge and db.twin_lease == "none" and "ended-leases-are-the-queue" in rules:
            db = db._replace(twin_lease="over")
        db = db._replace(whole=False, edge=frozenset(), kept=False)
    for child in parts:
        db = swept(db, child, rules)
    return db


def children(db: Database, digest: str) -> tuple[str, ...]:
    """Return the parts a manifest is known to have."""
    return CHILDREN[digest] if "child" in db.edge else ()


def stored(db: Database, body: str, rules: frozenset[Rule]) -> Database:
    """Store a manifest, which is bound to what is there; an index that is there is bound to its child."""
    db = db._replace(stored=db.stored | {body})
    return bound(bound(db, "child", rules), "twin", rules)


def twinned(db: Database, rules: frozenset[Rule]) -> Database:
    """Upload the twin; an index that is there is bound to it."""
    return bound(db._replace(twin=True, twin_lease="running"), "twin", rules)


def bound(db: Database, to: str, rules: frozenset[Rule]) -> Database:
    """Bind the index to what it names, if both are there; without its rule only where it is bound to nothing."""
    there, rule = {"child": ("A" in db.stored, FOLLOWS), "twin": (db.twin, HOLDS)}[to]
    if PARENT not in db.stored or not there:
        return db
    edge = db.edge | {to} if rule in rules or not db.edge else db.edge
    return db._replace(edge=edge, whole=db.whole or to == "child", kept=db.kept or to == "twin")


def is_kept(db: Database, digest: str, rules: frozenset[Rule]) -> bool:
    reasons: dict[Rule, bool] = {
        "what-is-live-stays": tip(db, digest) is not None,
        "what-history-holds-stays": is_held(db, digest),
        "what-an-index-needs-stays": has_parent(db, digest),
    }
    return any(holds and rule in rules for rule, holds in reasons.items())


def is_held(db: Database, digest: str) -> bool:
    """Does history hold a manifest?"""
    return any(change.holds and old == digest for change in db.log for _, old, _ in change.moves)


def has_parent(db: Database, digest: str) -> bool:
    return digest in children(db, PARENT)


def purged(db: Database, rules: frozenset[Rule]) -> Database:
    """Purge A: it goes with the index that holds it, from what is live and from history."""
    tips = frozenset((reference, value) for reference, value in db.tips if value not in ("A", "I"))
    log = db.log
    if "purge-ends-history" in rules:
        log = tuple(
            change._replace(is_open=False, holds=False)
            if any(old in ("A", "I") for _, old, _ in change.moves)
            else change
            for change in db.log
        )
    return Database(tips=tips, log=log, blocked=True)
