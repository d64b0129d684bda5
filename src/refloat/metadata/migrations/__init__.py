"""The steps from an empty database to this program's schema. A step that has been released never changes."""

from refloat.metadata.migrations import (
    v0001_first,
    v0002_statistics,
    v0003_purges,
    v0004_walks,
    v0005_lists,
    v0006_sizes,
    v0007_referrers,
)

STEPS: tuple[tuple[str, ...], ...] = (
    v0001_first.STATEMENTS,
    v0002_statistics.STATEMENTS,
    v0003_purges.STATEMENTS,
    v0004_walks.STATEMENTS,
    v0005_lists.STATEMENTS,
    v0006_sizes.STATEMENTS,
    v0007_referrers.STATEMENTS,
)
"""The statements of each step, oldest first; the number of steps applied is the schema's version."""
