"""Everything that may happen in `indexed.py`, in every order."""

from collections.abc import Iterator

from tests.models.explorer import LEAK, LOSS, REVIVED, Finding
from tests.models.indexed import (
    PARENT,
    Database,
    Rule,
    State,
    Wish,
    children,
    has_parent,
    is_held,
    pruned,
    purged,
    recorded,
    settled,
    stored,
    tip,
    twinned,
)

Steps = Iterator[tuple[str, State]]


class Indexing:
    """One repository's life, of at most so many changes, under the rules that are in force."""

    def __init__(self, rules: frozenset[Rule], changes: int) -> None:
        self.rules = rules
        self.changes = changes

    def steps(self, s: State) -> Steps:
        yield from self.write_late(s)
        if len(s.now.log) < self.changes:
            yield from self.push(s)
            yield from self.delete(s)
            yield from self.undo(s)
        yield from self.bring(s)
        yield from self.collect(s)
        yield from self.end(s)

    # requests

    def push(self, s: State) -> Steps:
        held = s.now.blob and (s.now.lease != "none" or "A" in s.now.stored)
        if held and not (s.now.blocked and "puts-read-the-block" in self.rules):
            yield from self.ask(s, "push A", {"A": "A"}, "A")
            yield from self.ask(s, "push t A", {"A": "A", "t": "A"}, "A")
        yield from self.ask(s, "push t I", {"I": "I", "t": "I"}, "I")

    def delete(self, s: State) -> Steps:
        value = tip(s.now, "t")
        if value is not None:
            yield from self.ask(s, "delete t", {"t": None})
            yield from self.ask(s, "rm t", {"t": None, value: None, **dict.fromkeys(children(s.now, value))})
        for digest in ("A", "I"):
            if tip(s.now, digest) is not None and not self.is_denied(s.now, digest):
                tags = {"t": None} if value == digest else {}
                yield from self.ask(s, f"delete {digest}", {digest: None, **tags})

    def is_denied(self, db: Database, digest: str) -> bool:
        """A child of a live index cannot be deleted."""
        is_part = digest in children(db, PARENT)
        return is_part and tip(db, PARENT) is not None and "what-is-needed-stays" in self.rules

    def undo(self, s: State) -> Steps:
        for number, change in enumerate(s.now.log):
            wish = {reference: old for reference, old, new in change.moves if tip(s.now, reference) != old}
            moved_on = any(tip(s.now, reference) != new for reference, _, new in change.moves if reference in wish)
            if wish and not moved_on:
                yield from self.ask(s, f"undo {number}", wish)

    def ask(self, s: State, label: str, wish: Wish, body: str | None = None) -> Steps:
        """One transaction decides and writes; where it is not one, others come in between."""
        ready = s.to(stored(s.now, body, self.rules)) if body else s
        moves = settled(ready.now, wish, self.rules)
        gone = any(new is not None and new not in ready.now.stored for _, _, new in moves)
        if not moves or (gone and "undo-needs-it-whole" in self.rules):
            return
        if "one-transaction" in self.rules:
            yield label, ready.to(recorded(ready.now, moves, self.rules))
        elif s.decided is None:
            yield f"{label}: decides", ready._replace(decided=(label, moves))

    def write_late(self, s: State) -> Steps:
        if s.decided is not None:
            label, moves = s.decided
            yield f"{label}: writes", s.to(recorded(s.now, moves, self.rules))._replace(decided=None)

    def bring(self, s: State) -> Steps:
        if s.uploads and s.now.lease != "running":
            yield "upload the blob", s.to(s.now._replace(blob=True, lease="running"))._replace(uploads=s.uploads - 1)
        if s.twins and s.now.twin_lease != "running" and not s.now.blocked:
            yield "upload A as a blob", s.to(twinned(s.now, self.rules))._replace(twins=s.twins - 1)

    # collection

    def collect(self, s: State) -> Steps:
        for number, change in enumerate(s.now.log):
            if change.is_open:
                yield f"the window of {number} ends: prune, sweep", s.to(pruned(s.now, number, self.rules))
        if s.now.lease == "running":
            yield "the lease is over", s.to(s.now._replace(lease="over"))
        if s.now.lease == "over":
            used = "A" in s.now.stored and "condemn-only-what-nothing-holds" in self.rules
            yield "collector: condemn", s.to(s.now._replace(lease="none", blob=s.now.blob and used))

        yield from self.collect_twin(s)

    def collect_twin(self, s: State) -> Steps:
        if s.now.twin_lease == "running":
            yield "the lease of A as a blob is over", s.to(s.now._replace(twin_lease="over"))
        if s.now.twin_lease == "over":
            used = "twin" in s.now.edge and "condemn-only-what-nothing-holds" in self.rules
            yield "collector: condemn A as a blob", s.to(s.now._replace(twin_lease="none", twin=s.now.twin and used))

    # what ends everything

    def end(self, s: State) -> Steps:
        if s.purges:
            yield "PURGE A", s.to(purged(s.now, self.rules))._replace(purges=s.purges - 1, purged=True, decided=None)
        if s.backups == 2:
            yield "back up the database", s._replace(backup=s.now, backups=1)
        elif s.backups == 1 and s.backup is not None:
            old = s._replace(now=s.backup, backup=None, backups=0, decided=None)
            if s.now.blocked and "blocks-outlive-the-database" in self.rules:
                old = old.to(purged(old.now, self.rules))
            yield "RESTORE THE DATABASE FROM ITS BACKUP", old

    def judge(self, s: State) -> Iterator[Finding]:
        if any(self.losses(s.now)):
            yield LOSS
        if s.purged and ("A" in s.now.stored or tip(s.now, "A") is not None):
            yield REVIVED

    def losses(self, db: Database) -> Iterator[bool]:
        yield any(value not in db.stored or tip(db, value) is None for _, value in db.tips)
        yield tip(db, "I") is not None and "A" in db.stored and tip(db, "A") is None
        yield "A" in db.stored and not db.blob
        yield db.whole and "A" not in db.stored
        yield db.kept and not db.twin
        yield any(change.is_open and old not in (None, *db.stored) for change in db.log for _, old, _ in change.moves)

    def judge_rest(self, s: State) -> Iterator[Finding]:
        """When all windows are over, only what is live is left."""
        db = s.now
        loose = [it for it in db.stored if tip(db, it) is None and not is_held(db, it) and not has_parent(db, it)]
        if loose or (db.blob and "A" not in db.stored) or (db.twin and PARENT not in db.stored):
            yield LEAK
