"""Where the references of a change are now."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Standing:
    """Of a change's references: is one still where it moved it, and is one neither there nor where it was before?"""

    stands: bool
    moved_on: bool
