"""What this command line last changed at each server, so that `refloat undo` needs no id.

One small file a server under `$XDG_STATE_HOME/refloat/last/`. Losing it loses nothing else.
"""

import json
import os
from pathlib import Path
from urllib.parse import quote


class Memory:
    """The last change made at one server."""

    def __init__(self, netloc: str) -> None:
        state = os.environ.get("XDG_STATE_HOME")
        root = Path(state) if state else Path.home() / ".local" / "state"
        self._file = root / "refloat" / "last" / f"{quote(netloc, safe='')}.json"

    def last(self) -> str | None:
        """Return the id of the last change this command line made there."""
        try:
            document = json.loads(self._file.read_bytes())
        except (OSError, ValueError):
            return None
        change = document.get("change") if isinstance(document, dict) else None
        return change if isinstance(change, str) else None

    def keep(self, change: str) -> None:
        """Remember a change. A place that cannot be written to remembers nothing; the id was printed."""
        fresh = self._file.with_suffix(f".{os.getpid()}")
        try:
            _make_private(self._file.parent)
            fresh.unlink(missing_ok=True)  # of a command that was cut off; nor is a link followed that lies there
            file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with open(file, "w") as text:
                text.write(json.dumps({"change": change}) + "\n")
            fresh.replace(self._file)
        except OSError:
            return


def _make_private(directory: Path) -> None:
    """Make a directory, and those above it that are missing, for its owner alone whatever the umask."""
    missing = [each for each in (directory, *directory.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)
