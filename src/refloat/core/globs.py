"""Globs: texts with `*`, `**` and `?`, each compared with many texts at once, in time linear in both lengths.

All texts lie in one row, and a number has a bit for each place in it: those that what was read of a glob can lead to.
A letter moves every bit one place on, and a star lets each run to the end of what it may cover, as a carry runs
through a sum. Nothing is tried twice, whatever anybody writes.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Generic, TypeVar

STARS = "*?"
_END = "\n"  # which is in no name
S = TypeVar("S", bound=str)


class Row(Generic[S]):
    """Texts side by side, each with an end behind it, and where each letter is. A set of places is a number."""

    def __init__(self, texts: Sequence[S]) -> None:
        self.texts = texts
        self._backwards = "".join(f"{text}{_END}" for text in texts)[::-1].encode("ascii", "replace")
        self._places: dict[str, int] = {}
        self.size = len(self._backwards)
        every = (1 << self.size) - 1
        self.ends = self.places_of(_END)
        self.letters = every ^ self.ends
        self.between_slashes = self.letters & ~self.places_of("/")
        self.begins = (self.ends << 1 | 1) & every

    def places_of(self, letter: str) -> int:
        """Return where a letter is."""
        if letter not in self._places:
            marks = bytearray(b"0" * 256)
            marks[ord(letter)] = ord("1")
            self._places[letter] = int(self._backwards.translate(marks) or b"0", 2)
        return self._places[letter]

    def texts_ending_at(self, places: int) -> Iterator[S]:
        """Yield the texts, in their order, whose ends are among some places."""
        marks, place = f"{places:b}"[::-1], -1
        for text in self.texts:
            place += len(text) + 1
            if marks[place : place + 1] == "1":
                yield text


class Glob:
    """A text in which `?` is any letter and `*` any run of letters, of which none is a slash; `**` may hold slashes."""

    __slots__ = ("_parts",)

    def __init__(self, text: str) -> None:
        runs = ((letter, len(list(run))) for letter, run in groupby(text))
        self._parts = tuple(
            part for letter, count in runs for part in ((letter * min(count, 2),) if letter == "*" else letter * count)
        )

    @property
    def steps(self) -> int:
        """How many parts there are: each costs a look at a whole row."""
        return len(self._parts)

    def ends_in(self, row: Row[S]) -> int:
        """Return where the texts of a row end that are what this stands for."""
        places = row.begins
        for part in self._parts:
            if part[0] == "*":
                covered = row.between_slashes if part == "*" else row.letters
                places |= ((places & covered) + covered) ^ covered
            else:
                places = (places & (row.between_slashes if part == "?" else row.places_of(part))) << 1
            if not places:
                break
        return places & row.ends

    def matches(self, text: str) -> bool:
        """Does this stand for a text, whole?"""
        return self.ends_in(Row((text,))) != 0
