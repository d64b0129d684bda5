"""A server without one of its defences: its code copied, a line of it replaced."""

import shutil
from pathlib import Path

from tools.provision import HOME


def without(place: Path, module: str, old: str, new: str) -> dict[str, str]:
    """Return the settings with which a server runs from a copy under `place` whose `module` has `new` for `old`."""
    copy = place / "undefended"
    shutil.copytree(HOME / "src", copy, ignore=shutil.ignore_patterns("__pycache__"))
    path = copy / "refloat" / module
    before = path.read_text()
    assert before.count(old) == 1, f"{module}: not exactly one {old!r}"
    path.write_text(before.replace(old, new))
    return {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
