"""The library that lets the disk fail: built once, loaded before everything else into a process of its own."""

import ctypes
import hashlib
import os
import subprocess
from pathlib import Path

from tools.provision import CACHE, find

SOURCE = Path(__file__).parent / "failing.c"
SHORT, FULL = -1, -2  # ways to fail that are no errno: see the source
FOR_EVER = 1 << 40


class NoCompiler(Exception):
    """gcc is missing, so the library cannot be built."""


def build() -> Path:
    """Return the library, built if this source never was. Raises NoCompiler."""
    library = CACHE / f"failing-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]}.so"
    if library.exists():
        return library
    compiler = find("gcc")
    if compiler is None:
        raise NoCompiler("gcc is not here: apt-get install gcc libc6-dev")
    fresh = library.with_name(f"{library.name}.{os.getpid()}")
    CACHE.mkdir(exist_ok=True)
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", fresh, SOURCE, "-ldl"], check=True)
    fresh.rename(library)
    return library


class Failing:
    """The library in this process, which was started with it."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None)
        self._library.failing_arm.argtypes = (ctypes.c_char_p, ctypes.c_long, ctypes.c_long, ctypes.c_int)
        self._library.failing_seen.restype = ctypes.c_long
        self._library.failing_what.restype = ctypes.c_char_p

    def arm(self, directory: Path, first: int, last: int, how: int) -> None:
        """Let the calls `first` to `last` below a directory fail, from now on counted from 1."""
        self._library.failing_arm(os.fsencode(directory), first, last, how)

    def disarm(self) -> None:
        """Let every call go on; they are still counted."""
        self._library.failing_disarm()

    @property
    def seen(self) -> int:
        """How many calls there were."""
        return int(self._library.failing_seen())

    @property
    def what(self) -> str:
        """The name of the call that failed last, or nothing."""
        return str(self._library.failing_what().decode())
