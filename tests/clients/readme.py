"""The console blocks of pages: what is typed, what is shown, and whether that is what is printed."""

import re
from dataclasses import dataclass, field

from tools.provision import HOME

_SECTION = r"^## {}\n(.*?)(?=^## |\Z)"
_BLOCK = re.compile(r"^ *```console\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r"\s+# .*")
_NAMES = (re.compile(r"\b[a-z]{10}\b"), re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{12}\b"))
"""Ids of changes, and digests as people see them."""
_VARYING = (
    (re.compile(r"\b[0-9a-f]{64}\b"), "HEX"),
    (re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{12}\b"), "DIGEST"),
    (re.compile(r"\d{4}-\d\d-\d\d"), "DAY"),
    (re.compile(r"\b\d+(?:\.\d+)? (?:B|[KMG]iB)(?!\w)"), "SIZE"),
    (re.compile(r"\bsize: \d+"), "SIZE"),
    (re.compile(r"just now|\d+ (?:s|min|h|days) ago"), "AGO"),
    (re.compile(r"\bin (?:29|30) days"), "DAYS"),
    (re.compile(r"127\.0\.0\.1:\d+"), "ADDRESS"),
    (re.compile(r"[ \t]+"), " "),
)


@dataclass(frozen=True)
class Step:
    """One command and the lines shown under it."""

    command: str
    shown: str


def steps(section: str, page: str = "README.md") -> list[list[Step]]:
    """Return the steps of each console block of a section, by its title."""
    text = (HOME / page).read_text()
    found = re.search(_SECTION.format(re.escape(section)), text, re.DOTALL | re.MULTILINE)
    assert found is not None, f"{page} has no section {section!r}"
    return [_steps_of(block) for block in _BLOCK.findall(found[1])]


def _steps_of(block: str) -> list[Step]:
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    lines = [part.partition("\n") for part in parts]
    return [Step(_COMMENT.sub("", command), shown.rstrip("\n")) for command, _, shown in lines]


@dataclass
class Reader:
    """Reads along. `ids` are the changes and digests a page names and what they are in this run."""

    ids: dict[str, str] = field(default_factory=dict)

    def typed(self, step: Step) -> str:
        """Return the command with the ids and digests of this run."""
        return self._translated(step.command)

    def assert_printed(self, step: Step, printed: str) -> None:
        """What refloat printed is what is shown, but for times, sizes, digests and days."""
        self._learn(step.shown, printed)
        assert alike(printed) == alike(self._translated(step.shown)), f"{step.command}\n{printed}"

    def assert_among(self, step: Step, printed: str) -> None:
        """What is shown of another program is among what it printed; it may be folded."""
        shown = " ".join(alike(self._translated(step.shown)).split())
        assert shown in " ".join(alike(printed).split()), f"{step.command}\n{printed}"

    def _learn(self, shown: str, printed: str) -> None:
        for names in _NAMES:
            named, seen = names.findall(shown), names.findall(printed)
            if len(named) == len(seen):
                for name, one in zip(named, seen, strict=True):
                    self.ids.setdefault(name, one)

    def _translated(self, text: str) -> str:
        for names in _NAMES:
            text = names.sub(lambda found: self.ids.get(found[0], found[0]), text)
        return text


def alike(text: str) -> str:
    """Replace what differs from run to run."""
    for pattern, name in _VARYING:
        text = pattern.sub(name, text)
    return text.strip()
