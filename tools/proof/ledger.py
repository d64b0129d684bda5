"""The ledger: one line for each part of each run that was written down. It only grows."""

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tools.provision import HOME

LEDGER = HOME / "docs" / "proof-ledger.jsonl"


@dataclass(frozen=True, slots=True)
class Entry:
    """What one part tried in one run. `seconds` of wall time; `date` is UTC; `notes` say what was seen besides."""

    part: str
    counts: str
    commit: str
    date: str
    seed: int
    scale: float
    tried: int
    lost: int
    leaked: int
    seconds: float
    notes: Sequence[str] = ()

    @property
    def found(self) -> int:
        """How often something was lost or leaked."""
        return self.lost + self.leaked


def commit() -> str:
    """Return the commit that is tried; a `+` says that the tree differs from it."""
    head = _git("rev-parse", "--short=12", "HEAD") or "unknown"
    changed = _git("status", "--porcelain", "--", "src", "tests", "tools")
    return head + ("+" if changed else "")


def write(entry: Entry) -> None:
    """Append an entry."""
    with LEDGER.open("a", encoding="utf-8") as ledger:
        ledger.write(json.dumps(asdict(entry)) + "\n")


def entries(ledger: Path = LEDGER) -> list[Entry]:
    """Return all that was written down, oldest first."""
    return [Entry(**json.loads(line)) for line in ledger.read_text("utf-8").splitlines()]


def is_settled(finding: Entry, later: Iterable[Entry]) -> bool:
    """Was a run that found something repeated since, with the same seed, and found nothing any more?"""
    asked = (finding.part, finding.seed, finding.scale)
    return any((each.part, each.seed, each.scale) == asked and not each.found for each in later)


def settled(ledger: Path = LEDGER) -> list[Entry]:
    """Return the runs that found something, and whose seed finds nothing any more."""
    written = entries(ledger)
    return [each for place, each in enumerate(written) if each.found and is_settled(each, written[place + 1 :])]


def totals(ledger: Path = LEDGER) -> Mapping[str, Entry]:
    """Return for each part the sums over all its entries, with the newest one's facts and notes.

    What was found and is settled is no longer counted as lost or leaked.
    """
    written, sums, done = entries(ledger), dict[str, Entry](), settled(ledger)
    for entry in written:
        new = replace(entry, lost=0, leaked=0, notes=()) if entry in done else entry
        old = sums.get(new.part)
        sums[new.part] = new if old is None else _sum(old, new)
    return sums


def _sum(old: Entry, new: Entry) -> Entry:
    added = {name: getattr(old, name) + getattr(new, name) for name in ("tried", "lost", "leaked", "seconds")}
    return replace(new, **added, notes=new.notes or old.notes)


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(HOME), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()
