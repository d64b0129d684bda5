"""The generated part of docs/wire.md: a table of all flows, and of each its sequence and what an observer saw."""

import re
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from tools.wire_capture.capture import READING
from tools.wire_capture.exchange import Exchange, Head
from tools.wire_capture.flows import Flow
from tools.wire_capture.stage import (
    COLLECT,
    DELETE,
    FETCH,
    MISS,
    OWN,
    PULL,
    RESTORE,
    SAVE,
    SEE,
    Aside,
    Stretch,
    Told,
    exchanges_of,
)

BEGIN = "<!-- What follows, down to the end mark, is written by `make wire`. -->"
END = "<!-- The end of what `make wire` writes. -->"

ASKING = ("Accept", "Content-Type")
ANSWERING = ("Docker-Content-Digest", "Location", "Refloat-Change", "Warning")
"""The headers that matter."""

STEPS = (SAVE, DELETE, MISS, COLLECT, RESTORE, PULL, SEE, FETCH)
WIDTH = 104
"""Characters between the two lifelines."""

READS = ("GET", "HEAD")

LONG = (
    (re.compile(r"(sha256(?::|%3A)[0-9a-f]{12})[0-9a-f]{52}"), r"\1…"),
    (re.compile(r"([0-9a-f]{8})(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), r"\1…"),
    (re.compile(r"_state=[^&]+"), "_state=…"),
)
"""What is too long to be shown whole, and how it is shown."""

VARYING = (
    (re.compile(r"sha256(:|%3A)[0-9a-f]+…?"), "DIGEST"),
    (re.compile(r"(uploads/|[Uu]uid: )[0-9a-f]{8}(…|[0-9a-f-]{28})"), r"\1SESSION"),
    (re.compile(r"_state=[^&\s]+"), "STATE"),
    (re.compile(r"\b([1-9]\d*)-\1\b"), "LAST-LAST"),
    (re.compile(r"(bytes \S+/)\d+"), r"\1SIZE"),
    (re.compile(r"\d{4}-\d\d-\d\d(T[\d:]+Z)?"), "DATE"),
    (re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]+ GMT"), "DATE"),
    (re.compile(r"127\.0\.0\.1:\d+"), "ADDRESS"),
    (re.compile(r"(changes/|refloat undo |[Rr]efloat-[Cc]hange: |(?:manifests/)(?:[a-z]+-)?)[a-z]{10}\b"), r"\1ID"),
    (re.compile(r"\d+\.\d+\.\d+\S*"), "VERSION"),
    (re.compile(r"([Cc]ontent-[Ll]ength: |body of )\d+"), r"\1LENGTH"),
    (re.compile(r"[ -]{2,}"), " "),
)
"""What differs between two runs, or two machines, and means the same."""

CAPTURED = re.compile(r"^```console\n.*?^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Shown:
    """A flow, what was exchanged in it, and the capture's packets as tshark lists them."""

    flow: Flow
    told: list[Told]
    packets: str = ""


def section(shown: list[Shown], versions: str) -> str:
    """Return the generated part, between its marks."""
    parts = [BEGIN, versions, "## Side by side", "\n".join(side_by_side(shown))]
    for number, one in enumerate(shown, 1):
        parts += _flow(number, one)
    return "\n\n".join([*parts, END]) + "\n"


def _flow(number: int, shown: Shown) -> Iterator[str]:
    capture = f"captures/{shown.flow.name}.pcapng"
    yield f"## {number}. {shown.flow.title}"
    yield textwrap.fill(shown.flow.says, 118, break_on_hyphens=False)
    yield "\n".join(["```text", *diagram(shown), "```"])
    yield f"The delete and what brings it back, as they are in [{capture}]({capture}):"
    yield "\n".join(["```http", *heads(shown.told), "```"])
    yield "\n".join([
        "```console", f"$ tshark -r docs/{capture} {' '.join(READING)} -Y '{shown.flow.seen}'", shown.packets, "```"
    ])  # fmt: skip


def side_by_side(shown: list[Shown]) -> Iterator[str]:
    """Yield a table: a row for each step, a column for each flow, statuses and what came of a body."""
    yield f"| step | {' | '.join(one.flow.name for one in shown)} |"
    yield "|---" * (len(shown) + 1) + "|"
    for step in STEPS:
        cells = ["; ".join(_cell(told) for told in one.told if told.step == step) or "-" for one in shown]
        yield f"| {step} | {' | '.join(cells)} |"


def _cell(told: Told) -> str:
    if isinstance(told, Aside):
        return "not on the wire"
    if isinstance(told, Stretch):
        return f"{told.purpose}: {', '.join(_counted(told.exchanges))}"
    short = f", **{_body(told)}**" if len(told.body) < told.promised else ""
    return f"{told.method} {told.status}{short}"


def _counted(exchanges: tuple[Exchange, ...]) -> Iterator[str]:
    """Yield how many requests only read, and how many there are of each other method and status."""
    kinds = Counter("read" if one.method in READS else f"{one.method} {one.status}" for one in exchanges)
    yield from (f"{kind} x{times}" if times > 1 else kind for kind, times in kinds.items())


def diagram(shown: Shown) -> Iterator[str]:
    """Yield the lines of a sequence diagram: time goes down, the client is on the left."""
    yield f" client{shown.flow.registry:>{WIDTH + 3}}"
    for told in shown.told:
        if isinstance(told, Aside):
            yield _line("")
            yield from (_line(text, ":") for text in _wrapped(f"({told.text})"))
            continue
        if isinstance(told, Stretch):
            yield from map(_line, _stretch(told))
            continue
        yield _line("")
        yield from map(_line, _request(told))
        yield f"   |{'-' * (WIDTH - 1)}>|"
        yield from map(_line, _answer(told))
        yield f"   |<{'-' * (WIDTH - 1)}|"


def _stretch(told: Stretch) -> Iterator[str]:
    yield ""
    yield f"{told.command}: {told.purpose}"
    for path, together in groupby(told.exchanges, lambda one: one.path):
        exchanges = list(together)
        asked = ", ".join(f"{one.method}{_range(one)}" for one in exchanges)
        *first, last = _wrapped(f"  {asked} {path}")
        answers = ", ".join(str(one.status) for one in exchanges) + _code(exchanges[-1])
        yield from first
        yield f"{last:<{WIDTH - 4 - len(answers)}}{answers}"
        if "/manifests/" in path:
            yield from (f"  {line}" for line in _headers(exchanges[-1].request, ("Content-Type",)))


def _range(told: Exchange) -> str:
    """Return which bytes of a blob were asked for."""
    return f" {value.removeprefix('bytes=')}" if (value := told.request.value("range")) else ""


def _code(told: Exchange) -> str:
    return f" {told.error().partition(':')[0]}" if told.error() else ""


def _line(text: str, side: str = "|") -> str:
    return f"   {side}{'  ' + text:<{WIDTH}}{side}"


def _request(told: Exchange) -> Iterator[str]:
    yield from _wrapped(told.request.first.removesuffix(" HTTP/1.1"))
    yield from _headers(told.request, ASKING)


def _answer(told: Exchange) -> Iterator[str]:
    yield told.answer.first.removeprefix("HTTP/1.1 ")
    yield from _headers(told.answer, ANSWERING)
    if told.error():
        yield from _wrapped(f"  {told.error()}")
    elif told.promised:
        yield f"  [{_body(told)}]"


def _body(told: Exchange) -> str:
    if len(told.body) == told.promised:
        return f"body of {told.promised} bytes"
    return f"{len(told.body)} of {told.promised} bytes, then the connection ends"


def _headers(head: Head, names: tuple[str, ...]) -> Iterator[str]:
    wanted = {name.lower() for name in names}
    for line in head.lines:
        if line.partition(":")[0].lower() in wanted:
            yield from _wrapped(f"  {line}")


def _wrapped(text: str) -> list[str]:
    short = text
    for long, shortened in LONG:
        short = long.sub(shortened, short)
    return textwrap.wrap(short, WIDTH - 4, subsequent_indent="      ")


def heads_of(told: list[Told]) -> list[Head]:
    """Return every head that was on the wire, in the order they were sent."""
    return [head for one in exchanges_of(told) for head in (one.request, one.answer)]


def heads(told: list[Told]) -> Iterator[str]:
    """Yield the whole heads of the delete and of what brings the image back."""
    chosen = list(exchanges_of([one for one in told if not isinstance(one, Aside) and one.step in (DELETE, RESTORE)]))
    if any(isinstance(one, Stretch) for one in told):
        chosen = [one for one in chosen if one.path.startswith(OWN) and one.method not in READS]
    for number, one in enumerate(chosen):
        for head in (one.request, one.answer):
            if number or head is one.answer:
                yield ""
            yield head.first
            yield from head.lines


def shape(page: str) -> str:
    """Return the generated part of a page without what may differ, and without the packets tshark lists."""
    return steady(CAPTURED.sub("", page[page.index(BEGIN) : page.index(END)]))


def steady(text: str) -> str:
    """Return a text without the values of one run."""
    for varying, constant in VARYING:
        text = varying.sub(constant, text)
    return text
