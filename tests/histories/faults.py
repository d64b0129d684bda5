"""Faults that the histories must find: a line of refloat changed in a copy of its source."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from tools.provision import HOME


@dataclass(frozen=True)
class Fault:
    """In `file`, `old` becomes `new`; histories with these windows notice."""

    what: str
    file: str
    old: str
    new: str
    windows: str = "days"


FAULTS = (
    Fault(
        "an undo that forgets tags",
        "core/undo.py",
        "proposal.wish[move.reference] = move.old",
        'proposal.wish.update({move.reference: move.old} if ":" in move.reference else {})',
    ),
    Fault(
        "an index that comes without its children",
        "core/moves.py",
        "pending.extend(view.children(digest))",
        "pass",
    ),
    Fault(
        "blobs that can be read after their manifests were deleted",
        "metadata/reads.py",
        "SELECT 1 FROM refs f JOIN tips t ON t.repository = f.repository AND t.reference = f.parent",
        "SELECT 1 FROM refs f",
    ),
    Fault(
        "a collector that forgets what a swept manifest held",
        "metadata/collecting.py",
        "blobs = [blob for _, blob in parts if blob is not None]",
        "blobs = list[str]()",
        "at once",
    ),
)


def plant(fault: Fault, place: Path) -> dict[str, str]:
    """Copy the source to `place`, change the line, and return the environment that runs it."""
    shutil.copytree(HOME / "src", place, ignore=shutil.ignore_patterns("__pycache__"))
    file = place / "refloat" / fault.file
    text = file.read_text("utf-8")
    assert text.count(fault.old) == 1, f"{fault.file} has {text.count(fault.old)} times {fault.old}"
    file.write_text(text.replace(fault.old, fault.new), "utf-8")
    return {"PYTHONPATH": str(place)}
