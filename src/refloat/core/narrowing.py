"""Which changes a list for people is of."""

from dataclasses import dataclass

from refloat.core.kinds import ChangeKind


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Only changes by someone, since an instant, of some kinds. Of the default, all.

    `by` is who made them as lists show it: an account, an address, or the program, with or without its version.
    """

    by: str | None = None
    since: int | None = None
    kinds: tuple[ChangeKind, ...] = ()


EVERYTHING = Narrowing()
