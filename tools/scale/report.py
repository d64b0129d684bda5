"""The table people read, on the terminal and as docs/scale.md."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tools.bench.machine import facts
from tools.scale.measuring import Results
from tools.scale.rows import BAR, Row
from tools.scale.shape import Shape

INTRODUCTION = """\
# Scale

`make bench-scale` generates a registry of a million tags and one of ten thousand in the same shape, serves both, asks
both the same, and writes this page. The bar of a row: the median in the large one is at most twice that in the
small one.
"""

CONNECTIONS = """\
## Connections

How many a worker takes is shared out of its descriptors when it starts: at most 16,384, or 14,904 of 20,000
descriptors, 672 of 1,024 ([configuration](configuration.md#connections) has the table). An idle one takes 2 to 10 KB.
Ten thousand that say nothing, never end their request's head, read nothing or send in drops are a part of `make proof`
(`abuse`): beside them another client's small pushes and pulls are answered within two seconds.
"""

METHOD = """\
## How it is measured

- Ten repositories are a team and have 20, 20, 20, 40, 40, 60, 100, 100, 200 and 400 tags. Of ten tags one names an
  index of two images, one an image that has another tag, and one was pushed over an earlier image; one image is
  signed, and a candidate's tag was pushed and deleted. Images share layers with their repository and with the whole
  registry; every signature has the same empty configuration. All of it was pushed over 300 days, in all repositories
  side by side, and history holds the last 30 of them.
- The rows are written into a database of the current schema directly. Files of blobs are left out, but for the blobs
  that a collection removes, which are sparse: no other row reads one.
- Both are `refloat serve` with shipped defaults but for `window` and `graveyard`, which are 2 s for what is deleted
  here, and `collect.interval`. One client, one connection, requests one at a time over loopback. What is asked for is
  chosen evenly over all tags, so that the large registry answers mostly about what it was not asked for before.
- A round's number is the median of 60 answers, or of as many as came in 3 s; both registries have their turn for each
  row in every round. A number in the table is the median of the rounds, the ratio that of the rounds' ratios.
- A collection deletes 1,000 images by digest; then one round of the collector lets go of them, and another removes the
  bytes of the two blobs that each had for itself. Three of them are measured.
"""

CAVEATS = """\
## Read with care

- Both databases are read through before, and lie in the page cache as far as the memory goes: a server that has just
  begun on a slow disk reads first. No other client asks meanwhile.
- What looks at the whole registry by its nature has no row: a pattern over all repositories, `du` of everything,
  `verify`, a backup.
- `ls` of repositories adds up the sizes of all their blobs, some 10,000 for the page that is measured. They are beside
  the manifests that use them, so that it reads the repositories' own rows, however many blobs there are elsewhere.
- Numbers under a few milliseconds move by more than the bar where other work runs on the machine: the rounds below say
  by how much.
"""


@dataclass(frozen=True)
class Made:
    """A registry that was generated: how long that took in seconds, and the bytes of its database."""

    shape: Shape
    seconds: float
    size: int
    rows: dict[str, int]


@dataclass(frozen=True)
class Verdicts:
    """The rows that were measured, and how they stand."""

    rows: Sequence[Row]
    results: Results
    small: int
    large: int

    def missed(self) -> list[str]:
        """Return the keys of the rows beyond the bar."""
        return [row.key for row in self.rows if row.has_bar and self._ratio(row) > BAR]

    def tally(self) -> str:
        """Return one line that counts."""
        missed = self.missed()
        bars = sum(row.has_bar for row in self.rows)
        said = f"{bars - len(missed)} of {bars} bars met"
        return said + (f"; missed: {', '.join(missed)}" if missed else "")

    def cells(self) -> list[tuple[str, ...]]:
        """Return the table without its header."""
        return [
            (row.title, *(_ms(self.results.middle(row, tags)) for tags in (self.small, self.large)),
             f"{self._ratio(row):.2f}x", self._verdict(row))
            for row in self.rows
        ]  # fmt: skip

    def _verdict(self, row: Row) -> str:
        if not row.has_bar:
            return "no bar"
        return "met" if self._ratio(row) <= BAR else "MISSED"

    def header(self) -> tuple[str, ...]:
        return ("row", f"{self.small:,} tags", f"{self.large:,} tags", "ratio", f"bar: {BAR:g}x")

    def rounds(self) -> list[tuple[str, ...]]:
        """Return every round's median."""
        return [
            (row.key, f"{tags:,}", ", ".join(_ms(seconds) for seconds in self.results.medians[row.key, tags]))
            for row in self.rows
            for tags in (self.small, self.large)
        ]

    def _ratio(self, row: Row) -> float:
        return self.results.ratio(row, self.large, self.small)


def _ms(seconds: float) -> str:
    value = seconds * 1000
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.1f} ms" if value >= 10 else f"{value:.2f} ms"


def show(header: tuple[str, ...], cells: list[tuple[str, ...]]) -> str:
    """Return a table for the terminal."""
    lines = [header, *cells]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(cell.rjust(width) if column else cell.ljust(width)
                  for column, (cell, width) in enumerate(zip(line, widths, strict=True)))
        for line in lines
    )  # fmt: skip


def write(path: Path, verdicts: Verdicts, made: Sequence[Made], directory: Path) -> None:
    """Write the page."""
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    tables = list(made[0].rows)
    generated = [
        (f"{each.shape.tags:,}", *(f"{each.rows[table]:,}" for table in tables), f"{each.size / 1e9:.2f} GB",
         f"{each.seconds:.0f} s")
        for each in made
    ]  # fmt: skip
    blocks = [
        INTRODUCTION,
        f"Measured on {today}. **{verdicts.tally()}.**\n",
        _markdown(verdicts.header(), verdicts.cells()),
        "What was generated: rows in each table, the database, and the time that took.\n",
        _markdown(("tags", *tables, "database", "made in"), generated),
        CONNECTIONS,
        METHOD,
        "## The machine\n",
        _markdown(("fact", "value"), facts(directory, ())[:-1]),  # the last are load generators, not used here
        CAVEATS,
        "## Every round\n",
        _markdown(("row", "tags", "rounds"), verdicts.rounds()),
    ]
    path.write_text("\n".join(blocks))


def _markdown(header: tuple[str, ...], cells: Sequence[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
