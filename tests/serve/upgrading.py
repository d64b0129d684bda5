"""`refloat` in a process that does something at one of the statements it gives to SQLite.

    python -m tests.serve.upgrading STATEMENT FILE serve --root …

Before the first statement that begins with STATEMENT is done, FILE takes all that is left on its disk.
"""

import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

from refloat.__main__ import run


def main() -> None:
    """Run the command line that follows the first two words."""
    beginning, filler = sys.argv[1], Path(sys.argv[2])
    sys.argv = ["refloat", *sys.argv[3:]]
    connect = sqlite3.connect

    def traced(statement: str) -> None:
        if statement.startswith(beginning) and not filler.exists():
            disk = os.statvfs(filler.parent)
            with filler.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, disk.f_bavail * disk.f_frsize)

    def connected(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        connection.set_trace_callback(traced)
        return connection

    sqlite3.connect = connected  # type: ignore[assignment]  # the same, for whoever asks for it from now on
    run()


if __name__ == "__main__":
    main()
