"""Ways to collect garbage that look right. `test_collection.py` says how each loses an image."""

from tests.models.naive_world import COLLECTOR, Design, State, Steps


class MarkAndSweep(Design):
    """Mark what manifests use, list the store, delete the rest, while pushes run."""

    verifies_first = True

    def collect(self, s: State) -> Steps:
        if s.collector == "idle" and s.rounds:
            marked = "marked" if s.needed else "unmarked"
            yield f"collector: mark ({marked})", s._replace(collector=marked, rounds=s.rounds - 1)
        elif s.collector == "marked" or (s.collector == "unmarked" and not s.stored):
            yield "collector: nothing to sweep", s._replace(collector="idle")
        elif s.collector == "unmarked":
            yield "collector: list", s._replace(collector="sweep")
        elif s.collector == "sweep":
            yield from self.remove(s, "collector: delete the bytes", s._replace(collector="idle"))


class ListThenMark(MarkAndSweep):
    """List the store first, so that what comes later is not a candidate."""

    def collect(self, s: State) -> Steps:
        if s.collector == "idle" and s.rounds:
            listed = "listed" if s.stored else "empty"
            yield "collector: list", s._replace(collector=listed, rounds=s.rounds - 1)
        elif s.collector == "empty" or (s.collector == "listed" and s.needed):
            yield "collector: mark, nothing to sweep", s._replace(collector="idle")
        elif s.collector == "listed":
            yield "collector: mark (unmarked)", s._replace(collector="sweep")
        elif s.collector == "sweep":
            yield from self.remove(s, "collector: delete the bytes", s._replace(collector="idle"))


class NoDirectorySync(Design):
    """No collector at all, but the file's new name is not made durable before the answer."""

    verifies_first = True
    syncs_directory = False


class ReferenceCount(Design):
    """Delete the bytes, then the row, when the count of references is zero."""

    def collect(self, s: State) -> Steps:
        if s.collector == "idle" and s.rounds and s.row and not s.needed:
            yield "collector: count is 0", s._replace(collector="bytes", rounds=s.rounds - 1)
        elif s.collector == "bytes":
            yield from self.remove(s, "collector: delete the bytes", s._replace(collector="row"))
        elif s.collector == "row":
            yield "collector: delete the row", s._replace(row=s.row and s.needed, collector="idle")


class Delay(Design):
    """Delete what is unused and older than a grace time."""

    verifies_first = True
    ages = True

    def collect(self, s: State) -> Steps:
        if s.collector == "idle" and s.rounds:
            old = not s.needed and s.stored and not s.young
            verdict = "sweep" if old else "idle"
            yield f"collector: old and unused={old}", s._replace(collector=verdict, rounds=s.rounds - 1)
        elif s.collector == "sweep":
            yield from self.remove(s, "collector: delete the bytes", s._replace(collector="idle"))


class DelayWithTouch(Delay):
    """The same, and HEAD and upload make the bytes young again."""

    touches = True


class BytesBeforeRow(Design):
    """Lock the row, delete the bytes, then the row, commit."""

    locks_pushes = True

    def collect(self, s: State) -> Steps:
        if s.collector == "idle" and s.rounds and s.row and not s.needed and s.lock is None:
            locked = s._replace(lock=COLLECTOR, collector="bytes", rounds=s.rounds - 1)
            yield "collector: lock the row, unused", locked
        elif s.collector == "bytes":
            yield from self.remove(s, "collector: delete the bytes", s._replace(collector="row"))
        elif s.collector == "row":
            yield "collector: delete the row, commit", s._replace(row=False, pending=False, lock=None, collector="idle")

    def push(self, s: State, who: int) -> Steps:
        if s.lock == COLLECTOR and s.clients[who].at in ("head", "put"):
            return  # waits for the row
        yield from super().push(s, who)


class RowBeforeBytes(Design):
    """Delete the row and commit, look once more, delete the bytes."""

    def collect(self, s: State) -> Steps:
        if s.collector == "idle" and s.rounds and s.row and not s.needed:
            yield "collector: delete the row, commit", s._replace(row=False, collector="look", rounds=s.rounds - 1)
        elif s.collector == "look":
            if s.row:
                yield "collector: the row is back, keep", s._replace(collector="idle")
            else:
                yield "collector: still no row", s._replace(collector="bytes")
        elif s.collector == "bytes":
            yield from self.remove(s, "collector: delete the bytes", s._replace(collector="idle"))


class LockedDigest(Design):
    """One lock for each digest, around row and bytes here and around the whole upload there."""

    locks_pushes = True

    def collect(self, s: State) -> Steps:
        if s.collector == "idle" and s.rounds and s.row and not s.needed and s.lock is None:
            locked = s._replace(row=False, lock=COLLECTOR, collector="bytes", rounds=s.rounds - 1)
            yield "collector: lock, delete the row, commit", locked
        elif s.collector == "bytes":
            yield from self.remove(s, "collector: delete the bytes", s._replace(collector="idle", lock=None))


class LockedDigestLateDelete(LockedDigest):
    """The same on a store whose unanswered DELETE may still be carried out."""

    deletes_late = True


class PendingMark(BytesBeforeRow):
    """Mark the row as pending; in a later round lock it and delete what is still marked."""

    def collect(self, s: State) -> Steps:
        idle = s.collector == "idle" and s.rounds and s.row and not s.needed and s.lock is None
        if idle and not s.pending:
            yield "collector: mark as pending", s._replace(pending=True)
        elif idle:
            yield "collector: lock, still pending", s._replace(lock=COLLECTOR, collector="bytes", rounds=s.rounds - 1)
        elif s.collector != "idle":
            yield from super().collect(s)


class PendingMarkLateDelete(PendingMark):
    """The same on a store whose unanswered DELETE may still be carried out."""

    deletes_late = True


class RestoreFromHistory(Design):
    """A delete keeps only a line of history; nothing keeps the bytes that a restore would need."""

    restores_from_history = True

    def collect(self, s: State) -> Steps:
        if s.collector == "idle" and s.rounds and s.row and not s.needed:
            gone = s._replace(row=False, stored=False, durable=True, rounds=s.rounds - 1)
            yield "collector: row and bytes go in one step", gone
