"""Which schedules are tried: all with few preemptions, and walks by dice."""

import random
from collections.abc import Iterator, Sequence


class Recorded:
    """Follows choices as far as they go, then the first option, and writes down what could have been chosen.

    The first option is that the current actor goes on. Another one while it could is a preemption; an actor
    that has ended is followed by any other for free.
    """

    def __init__(self, choices: Sequence[int]) -> None:
        self._given = choices
        self.choices: list[int] = []
        self._options: list[tuple[int, int]] = []

    def choose(self, current: int | None, able: Sequence[int]) -> int:
        """Return who runs next."""
        order = able if current is None else [current, *(other for other in able if other != current)]
        place = len(self.choices)
        given = self._given[place] if place < len(self._given) else 0
        self.choices.append(min(given, len(order) - 1))
        self._options.append((len(order), 0 if current is None else 1))
        return order[self.choices[place]]

    def branches(self) -> Iterator[tuple[int, list[int]]]:
        """Yield the schedules that differ from this one in one more choice, each with its further preemptions.

        Followed from the empty choices on, every schedule is met exactly once.
        """
        for place in range(len(self._given), len(self.choices)):
            options, preemptions = self._options[place]
            for other in range(1, options):
                yield preemptions, [*self.choices[:place], other]


class Walk:
    """Lets dice decide, with a chance of preemption that is diced for each walk."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._chance = dice.choice((0.05, 0.15, 0.3, 0.6))
        self.choices: list[int] = []

    def choose(self, current: int | None, able: Sequence[int]) -> int:
        """Return who runs next."""
        order = able if current is None else [current, *(other for other in able if other != current)]
        chosen = 0
        if current is None:
            chosen = self._dice.randrange(len(order))
        elif len(order) > 1 and self._dice.random() < self._chance:
            chosen = self._dice.randrange(1, len(order))
        self.choices.append(chosen)
        return order[chosen]


def spread(total: int, parts: int) -> Iterator[int]:
    """Yield `parts` numbers, as equal as they can be, that make `total`."""
    for part in range(parts):
        yield total * (part + 1) // parts - total * part // parts
