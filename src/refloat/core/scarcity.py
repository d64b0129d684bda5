"""What a process may run out of however well it is written: descriptors, memory, threads."""

import errno

from refloat.core.errors import Exhausted

DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})
MEMORY = frozenset({errno.ENOMEM, errno.ENOBUFS})
NO_THREAD = "can't start new thread"  # Python's RuntimeError where the system refuses one
NOT_LOADED = "Too many open files"  # of a module's library: an ImportError, whatever the reason


def lacking(problem: BaseException) -> str | None:
    """Return what a process lacked. None: it is another kind of problem."""
    if isinstance(problem, MemoryError):
        return "memory"
    if isinstance(problem, OSError):
        return "file descriptors" if problem.errno in DESCRIPTORS else "memory" if problem.errno in MEMORY else None
    if isinstance(problem, RuntimeError) and str(problem) == NO_THREAD:
        return "threads"
    return "file descriptors" if isinstance(problem, ImportError) and NOT_LOADED in str(problem) else None


def exhausted(problem: BaseException) -> Exhausted | None:
    """Return the condition of a process that lacked something. None: it is another kind of problem."""
    lack = lacking(problem)
    return None if lack is None else Exhausted(f"this server is out of {lack} for the moment; try again soon")
