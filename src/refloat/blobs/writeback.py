"""A hint to the kernel: begin to write what arrived, so that the fsync at the end finds little left.

Measured: written and sealed, 105 MB take half the time. Nothing depends on it, and where it is missing nothing is lost.
"""

import ctypes
from contextlib import suppress

STEP = 4 << 20  # bytes that gather before the kernel is told
_START = 2  # SYNC_FILE_RANGE_WRITE: begin, and wait for nothing

_hint = None
with suppress(AttributeError):  # not Linux
    _hint = ctypes.CDLL(None).sync_file_range
    _hint.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)


def begin(file: int, start: int, end: int) -> None:
    """Let the kernel begin to write these bytes of a file."""
    if _hint is not None:
        _hint(file, start, end - start, _START)
