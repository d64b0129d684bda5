"""Does the disk take files again?"""

import os
from pathlib import Path

from refloat import durable


def takes_files(directory: Path) -> bool:
    """Can a file in `directory` be made, made durable under its name, and removed?"""
    probe = directory / f".probe-{os.getpid()}"
    try:
        probe.unlink(missing_ok=True)
        file = durable.create(probe)
        try:
            durable.write(file, b"a file")
            durable.fsync(file)
        finally:
            os.close(file)
            durable.unlink(probe)
        durable.fsync_directory(directory)
    except OSError:
        return False
    return True
