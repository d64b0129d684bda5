"""How many descriptors a process may have, and how a worker shares them out: to connections, to bodies, to itself."""

import resource
from dataclasses import dataclass

OURS = 128  # database, log, event loop, directories that are synced; 44 stay open once everything was done once
MOST_CONNECTIONS = 16_384  # each takes two to ten kilobytes while nothing comes
MOST_BODIES = 8_192


@dataclass(frozen=True, slots=True)
class Descriptors:
    """What one worker may have open at once: accepted connections, and files of bodies on their way in or out."""

    connections: int
    bodies: int


def share_out(limit: int) -> Descriptors:
    """Return how `limit` descriptors are shared out, so that accepting a connection never meets the limit.

    A quarter of what is not ours is for bodies. Where the limit is very low they all take less than they may need.
    """
    free = max(limit - OURS, limit // 4, 2)
    connections = min(free * 3 // 4, MOST_CONNECTIONS)
    return Descriptors(connections, min(free - connections, MOST_BODIES))


def descriptors() -> Descriptors:
    """Return this process's share."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return share_out(4 * MOST_CONNECTIONS if limit == resource.RLIM_INFINITY else limit)


def raise_limit() -> None:
    """Take as many descriptors as the operator's hard limit grants; where the kernel refuses, keep what there is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (ValueError, OSError):
            return
