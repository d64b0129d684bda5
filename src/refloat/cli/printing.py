"""Data on standard output: a table on a terminal, tab-separated lines in a pipe, or one JSON document."""

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from textwrap import indent as _indented
from typing import IO, Literal

from refloat.cli import wording
from refloat.language import say

Color = Literal["auto", "always", "never"]
Form = Literal["people", "lines", "json", "jsonl", "quiet"]
Kind = Literal["text", "digest", "size", "count", "when", "day", "list"]
Entry = Mapping[str, object]
Under = Callable[[Entry], Iterable[str]]
STYLES = {"error": "31;1", "hint": "36", "header": "1", "id": "33"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title, where an entry has its value, and how that is written."""

    title: str
    value: str | Callable[[Entry], object]
    kind: Kind = "text"

    def of(self, entry: Entry) -> object:
        """Return the value of this column in an entry."""
        return entry.get(self.value) if isinstance(self.value, str) else self.value(entry)


class OutputEnded(Exception):
    """Standard output takes nothing more. `has_reader_gone`: who reads has read enough, so that nothing failed."""

    def __init__(self, reason: OSError) -> None:
        super().__init__(say("the output could not be written: {problem}", problem=reason.strerror or reason))
        self.has_reader_gone = isinstance(reason, BrokenPipeError)


class Printer:
    """Writes what verbs found. `form` is chosen once: by flags, else by what standard output is."""

    def __init__(self, form: Form, color: Color, now: datetime) -> None:
        self.form = form
        self.now = now
        self._color = color

    def line(self, text: str = "") -> None:
        """Write a line for people; in a pipe too. Raises OutputEnded."""
        self._write(wording.visible_styled(text))

    def note(self, text: str) -> None:
        """Write a line to standard error: what is under way, what to know."""
        sys.stderr.write(wording.visible_styled(text) + "\n")

    def document(self, schema: str, **content: object) -> None:
        """Write one JSON document. Raises OutputEnded."""
        self._write(written_json({"schema": f"refloat.{schema}/1", **content}, indent=2))

    def long_document(self, schema: str, **lists: Iterable[Entry]) -> None:
        """Write one JSON document of lists, entry by entry: none is kept. Raises OutputEnded."""
        beginning = written_json({"schema": f"refloat.{schema}/1"}, indent=2)
        pieces = [beginning.removesuffix("\n}")]
        for name, entries in lists.items():
            mark = f',\n  "{name}": ['
            for entry in entries:
                self._write(f"{''.join(pieces)}{mark}\n{_indented(written_json(entry, indent=2), '    ')}", end="")
                pieces, mark = [], ","
            pieces.append(f"{mark}]" if mark != "," else "\n  ]")
        self._write(f"{''.join(pieces)}\n}}")

    def documents(self, entries: Iterable[Entry]) -> None:
        """Write each entry as a JSON document on a line of its own. Raises OutputEnded."""
        for entry in entries:
            self._write(written_json(entry))

    def _write(self, text: str, end: str = "\n") -> None:
        with _output():
            sys.stdout.write(text + end)

    def finish(self) -> None:
        """Give all that was written to who reads it. Raises OutputEnded."""
        with _output():
            sys.stdout.flush()

    def table(self, columns: Sequence[Column], entries: Sequence[Entry], under: Under | None = None) -> None:
        """Write entries as aligned columns on a terminal, else one line each with tabs between.

        `under` gives the lines that follow an entry on a terminal.
        """
        if self.form == "lines":
            for entry in entries:
                self.line("\t".join(_plain(column.of(entry)) for column in columns))
        elif entries:
            self.grow(columns, entries, under=under)

    def grow(
        self,
        columns: Sequence[Column],
        entries: Sequence[Entry],
        widths: Sequence[int] = (),
        under: Under | None = None,
    ) -> Sequence[int]:
        """Write rows of a table that goes on, under its titles if there are no widths yet. Return its widths."""
        rows = [[self._cell(column, entry) for column in columns] for entry in entries]
        if not widths:
            titles = [say(column.title) for column in columns]
            widths = [max(len(row[place]) for row in [titles, *rows]) for place in range(len(columns))]
            self.line(self.style(_row(columns, titles, widths), "header"))
        for row, entry in zip(rows, entries, strict=True):
            self.line(_row(columns, row, widths))
            for line in under(entry) if under else ():
                self.line(line)
        return widths

    def style(self, text: str, name: str, stream: IO[str] | None = None) -> str:
        """Mark text, where colours are wanted. The words alone always say the same."""
        if not wants_color(self._color, sys.stdout if stream is None else stream):
            return text
        return f"\x1b[{STYLES[name]}m{text}\x1b[0m"

    def _cell(self, column: Column, entry: Entry) -> str:
        value = column.of(entry)
        if value is None or value == "":
            return "-"
        if column.kind == "when":
            return wording.relative(wording.moment(str(value)), self.now)
        return wording.visible(WRITTEN[column.kind](value))


@contextmanager
def _output() -> Iterator[None]:
    try:
        yield
    except OSError as reason:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # not tried again when the program ends
        raise OutputEnded(reason) from reason


def _row(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(
        cell.rjust(width) if column.kind in ("size", "count") else cell.ljust(width)
        for column, cell, width in zip(columns, cells, widths, strict=True)
    ).rstrip()


def _list(value: object) -> str:
    return " ".join(str(word) for word in value) if isinstance(value, list) else str(value)


WRITTEN: Mapping[Kind, Callable[[object], str]] = {
    "text": str,
    "digest": lambda value: wording.short(str(value)),
    "size": lambda value: wording.size(int(str(value))),
    "count": lambda value: f"{value:,}",
    "day": lambda value: wording.day(str(value)),
    "list": _list,
}


def _plain(value: object) -> str:
    """Write a value for programs: whole, and without what would break a line of fields."""
    text = "" if value is None else ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return wording.visible(" ".join(text.split()) if any(letter in text for letter in "\t\r\n") else text)


def written_json(document: Mapping[str, object], indent: int | None = None) -> str:
    """Write a document; of what JSON lets pass, what a terminal would act on is escaped too."""
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    return re.sub(r"[\x7f-\x9f]", lambda found: f"\\u{ord(found[0]):04x}", text)


def wants_color(color: Color, stream: IO[str]) -> bool:
    """Should what goes to `stream` be coloured? NO_COLOR, FORCE_COLOR and TERM=dumb are honoured."""
    if color != "auto":
        return color == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def now() -> datetime:
    """Return the present."""
    return datetime.now(UTC)
