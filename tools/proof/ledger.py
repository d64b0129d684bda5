"""The ledger: one line for each part of each run that was written down. It only grows."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
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


def commit() -> str:
    """Return the commit that is tried; a `+` says that the tree differs from it."""
    head = _git("rev-parse", "--short=12", "HEAD") or "unknown"
    changed = _git("status", "--porcelain", "--", "src", "tests", "tools")
    return head + ("+" if changed else "")


def write(entry: Entry) -> None:
    """Append an entry."""
    with LEDGER.open("a", encoding="utf-8") as ledger:
        ledger.write(json.dumps(asdict(entry)) + "\n")


def totals(ledger: Path = LEDGER) -> Mapping[str, Entry]:
    """Return for each part the sums over all its entries, with the newest entry's facts and notes."""
    sums: dict[str, Entry] = {}
    for line in ledger.read_text("utf-8").splitlines():
        new = Entry(**json.loads(line))
        old = sums.get(new.part)
        if old is None:
            sums[new.part] = new
            continue
        added = {name: getattr(old, name) + getattr(new, name) for name in ("tried", "lost", "leaked", "seconds")}
        sums[new.part] = Entry(**{**asdict(new), **added, "notes": new.notes or old.notes})
    return sums


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(HOME), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()
