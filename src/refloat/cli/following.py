"""What is done while somebody looks on: the last changes, and then each that follows."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from refloat.cli.printing import Column, Entry, Printer
from refloat.client.errors import Unreachable
from refloat.client.refloat import Refloat
from refloat.language import say

PULSE = 1.0  # seconds between two looks
PAGE = 100
Query = Mapping[str, str | None]
ColumnsOf = Callable[[Sequence[Entry]], tuple[Column, ...]]


def follow(printer: Printer, server: Refloat, query: Query, limit: int, columns_of: ColumnsOf) -> None:
    """Print the last changes that `query` asks for and each that follows, until interrupted or nobody reads."""
    columns: tuple[Column, ...] = ()
    widths: Sequence[int] = ()
    for entries in _batches(printer, server, query, limit):
        columns = columns or columns_of(entries)
        if printer.form == "people":
            widths = printer.grow(columns, entries, widths)
        elif printer.form == "lines":
            printer.table(columns, entries)
        elif printer.form == "quiet":
            for entry in entries:
                printer.line(str(entry["id"]))
        else:
            printer.documents(entries)
        printer.finish()


def _batches(printer: Printer, server: Refloat, query: Query, limit: int) -> Iterator[list[Entry]]:
    """Yield the last changes, oldest first, and then without end what was added."""
    newest = list(islice(server.pages("changes", "changes", "before", n=1), 1))
    place = str(newest[0]["id"]) if newest else ""  # of all changes: the last that matches may be far behind
    last = list(islice(server.pages("changes", "changes", "before", **query, n=min(limit, PAGE)), limit))[::-1]
    shown = {entry["id"] for entry in last}  # among them what was made between the two questions
    yield [*last]
    while True:
        time.sleep(PULSE)
        added = _added(printer, server, query, place)
        if added:
            place = str(added[-1]["id"])
            yield [entry for entry in added if entry["id"] not in shown]


def _added(printer: Printer, server: Refloat, query: Query, place: str) -> list[Entry]:
    """Return what was added after `place`. A server that is away is waited for: they are started again."""
    said = False
    while True:
        try:
            return list(server.pages("changes", "changes", "after", **query, after=place, n=PAGE))
        except Unreachable as lost:
            if not said:
                printer.note(say("{problem}; trying again", problem=lost.message))
            said = True
            time.sleep(PULSE)
