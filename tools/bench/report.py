"""The table people read, on the terminal and as docs/benchmarks.md."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tools.bench.machine import facts
from tools.bench.plan import NEXT, OURS, STOCK, Plan, Results
from tools.bench.rows import ROWS, Bar, Row
from tools.bench.servers import BEFORE

HEADER = ("row", "bar", OURS, STOCK, "ratio", "to distribution 3", "verdict")
VERDICTS = {True: "met", False: "MISSED", None: ""}

INTRODUCTION = """\
# Benchmarks

`make bench` measures refloat beside the reference registry on the machine it runs on and writes this page.
"""

METHOD = """\
## How it is measured

- Every registry runs with its shipped defaults, logs and access logs on (to a file), on the same disk and on
  loopback: refloat as `refloat serve --root DIR`; docker-registry and distribution 3 on one configuration, the usual
  one with the in-memory blob cache and delete enabled. distribution 3 is told not to look for a collector of traces.
- Registries take turns in every round, in another order each round. A number is the median over the rounds. A ratio
  is the median of each round's ratio, so that whatever else the machine did in that round weighs on both sides.
  Above 1 refloat is better, except for p99, whose bar is a share.
- Manifests and lists: wrk, one thread. HEAD: ab (wrk waits for the body that HEAD does not have). Bodies and pushes:
  the Go program in `tools/bench/load`, which sends by sendfile and drops what it receives inside the kernel. All run on
  the machine that serves, so client and server share its cores.
- Uploads are one POST and one PUT of bytes that no registry has seen. A push is HEAD, POST, PATCH and PUT for ten
  layers and a configuration, then PUT of the manifest, all on one connection. Every server answers a write when it has
  been synced to the disk as that server does it. Each turn of writing is on a fresh directory.
- Memory is the largest sum, over all processes of a server, of their proportional set sizes, seen in 16 uploads.
- The large registry holds 10,000 images of one layer, each in a repository of its own. For docker-registry and
  distribution 3 its files are written to the disk directly; refloat takes it over the wire.
- Garbage collection: one image in a hundred is deleted by digest, then collected. docker-registry is stopped, and the
  time is that of `registry garbage-collect -m`, which reads all that lives. refloat goes on serving, while one client
  pulls without pause; the time is that of the requests `POST /v2/_refloat/v1/collect` that let history go, condemn and
  remove. What it holds deleted things for (30 days, and a day for the bytes) is set to seconds for this row only, and
  the waiting is not counted. In both, the bytes of every deleted image must be off the disk afterwards.
- Start is from the process to the first 200 on `/v2/`, tried every millisecond.
- Commands are whole processes, from their start to their end: `refloat` from `.venv`, one image in the server, output
  thrown away. In a round each is run twenty times, and a number is the median of those.
- Salvage is one process of `refloat salvage DIR`, output to a file. DIR is made as `registry:2` leaves it: a hundred
  images of nine layers in each repository, of which three in ten were deleted by digest, pushed over or lost their
  tag, and indexes, every other one deleted; of fifty repositories one has lost its folder. Manifests, configurations
  and the links to manifests are real; layers are hard links to sparse files of 64 KiB to 64 MiB. Every image that can
  be found has to be, whole or not. What it worked is its processor time, memory the largest resident set, what is
  read the sum of all reads (`/proc/PID/io`: Python's own start and the temporary database too). Layers that are read
  are counted with strace in a run of its own. DIR lies on an ext4 of its own in a file, has just been written, and
  its inodes are in memory as far as they fit: a disk that has to be read first adds its own time.
"""

CAVEATS = """\
## Read with care

- Two cores that also run the load: what more cores do is not measured here. Everything that is read is in the page
  cache. Treat ratios closer than 1.3 as a tie.
- refloat does more in these rows than its peer: it writes history for every push, checks that the bytes of a blob are
  there before it says so, and makes renames durable. It has no access control yet.
"""


def table(plan: Plan, results: Results) -> list[tuple[str, ...]]:
    """Return the rows that were measured, as cells."""
    return [_cells(row, results) for row in plan.wants(ROWS) if results.of(row, OURS) or results.of(row, STOCK)]


def beside_before(plan: Plan, results: Results) -> list[str]:
    """Return what is to be said of the ratios to the tree before, in which the two took turns; above 1 is better."""
    rows = [row for row in plan.wants(ROWS) if results.of(row, OURS) and results.of(row, BEFORE)]
    ratios = [(_better(row, results.ratio(row, BEFORE)), row) for row in rows]
    said = [f"{row.key} {_short(ratio)}x" for ratio, row in ratios if ratio is not None]
    return [f"beside the tree before, which took turns with this one: {', '.join(said)}"] if said else []


def _better(row: Row, ratio: float | None) -> float | None:
    """Return a ratio in which more is better, also of a row whose bar is a share."""
    return 1 / ratio if ratio and row.bar is Bar.SHARE_AT_MOST else ratio


def _cells(row: Row, results: Results) -> tuple[str, ...]:
    return (
        row.title,
        row.bar_text,
        _number(results.middle(row, OURS), row.unit),
        _number(results.middle(row, STOCK), row.unit),
        _times(results.ratio(row, STOCK)),
        _times(results.ratio(row, NEXT)),
        VERDICTS[results.verdict(row)],
    )


def _number(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{_short(value)} {unit}"


def _times(value: float | None) -> str:
    return "-" if value is None else f"{_short(value)}x"


def _short(value: float) -> str:
    """Return three significant digits, as people write them."""
    if value >= 100 or not value:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def show(cells: list[tuple[str, ...]]) -> str:
    """Return a table for the terminal."""
    lines = [HEADER, *cells]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    return "\n".join(
        "  ".join(cell.ljust(width) if column == 0 else cell.rjust(width)
                  for column, (cell, width) in enumerate(zip(line, widths, strict=True))).rstrip()
        for line in lines
    )  # fmt: skip


def tally(results: Results) -> str:
    """Return one line that counts verdicts."""
    verdicts = [(row, results.verdict(row)) for row in ROWS if row.bar is not Bar.NONE]
    met = sum(verdict is True for _, verdict in verdicts)
    missed = [row.key for row, verdict in verdicts if verdict is False]
    unknown = [row.key for row, verdict in verdicts if verdict is None]
    return counted(met, len(verdicts), missed, unknown)


def counted(met: int, bars: int, missed: Sequence[str], unknown: Sequence[str]) -> str:
    """Return how many of the bars are met, and the rows whose bar is not."""
    parts = [f"{met} of {bars} bars met"]
    parts += [f"missed: {', '.join(missed)}"] if missed else []
    parts += [f"not measured: {', '.join(unknown)}"] if unknown else []
    return "; ".join(parts)


def write(path: Path, plan: Plan, results: Results) -> None:
    """Write the page."""
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    blocks = [
        INTRODUCTION,
        f"Measured on {today}, {plan.rounds} rounds. **{tally(results)}.**\n",
        _markdown(HEADER, table(plan, results)),
        "\n".join(f"- {remark}" for remark in results.remarks) + "\n" if results.remarks else "",
        METHOD,
        "## The machine\n",
        _markdown(("fact", "value"), facts(plan.directory, plan.kinds)),
        CAVEATS,
        "## Every round\n",
        _markdown(("row", "registry", "unit", "rounds"), rounds(plan, results)),
    ]
    path.write_text("\n".join(block for block in blocks if block))


def rounds(plan: Plan, results: Results) -> list[tuple[str, ...]]:
    """Return every number of every row, as cells."""
    return [
        (row.key, kind.name, row.unit, ", ".join(_short(value) for value in results.of(row, kind.name)))
        for row in plan.wants(ROWS)
        for kind in plan.kinds
        if results.of(row, kind.name)
    ]


def _markdown(header: tuple[str, ...], cells: list[tuple[str, ...]] | list[tuple[str, str]]) -> str:
    lines = [header, tuple("---" for _ in header), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
