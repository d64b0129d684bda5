"""What the disk says when it cannot, as conditions."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from refloat.core.errors import RefloatError, StorageFull, Unavailable

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def condition_of(problem: OSError) -> RefloatError:
    """Return the condition an error of the disk is for a client."""
    if problem.errno in _FULL:
        return StorageFull("the disk is full: nothing was stored; pulls, deletes and undo still work")
    return Unavailable(f"the disk failed: {problem.strerror}")


@contextmanager
def disk() -> Iterator[None]:
    """Turn errors of the disk into conditions. Raises StorageFull, Unavailable."""
    try:
        yield
    except OSError as problem:
        raise condition_of(problem) from problem
