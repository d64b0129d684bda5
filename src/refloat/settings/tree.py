"""A configuration as a tree in which every value knows where it came from.

Scalars keep the text they were written with: distribution reads `version: 0.1` as a string and
`addr: 5000` too, so what a scalar means is decided by the key, not by YAML.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

NULL = "tag:yaml.org,2002:null"
INTEGER = "tag:yaml.org,2002:int"


class NotYamlError(ValueError):
    """A text is not one YAML document. The message is a sentence with the place."""


class TooMuchError(NotYamlError):
    """A text is larger, longer or deeper than any configuration is."""


class SaidTwiceError(NotYamlError):
    """A key is said twice in one section, and only one of them would count. The message names both lines."""

    def __init__(self, key: str, lines: tuple[int, int]) -> None:
        super().__init__(f"{key!r} is said twice, in line {lines[0]} and in line {lines[1]}; say it once")
        self.key = key


@dataclass(slots=True)
class Leaf:
    """One scalar, as written."""

    text: str
    tag: str  # what YAML takes the text for
    origin: str  # "config.yml line 3" or the name of a variable

    @property
    def is_null(self) -> bool:
        """Does it say nothing, like `key:` with nothing behind it?"""
        return self.tag == NULL


@dataclass(slots=True)
class Branch:
    """A mapping."""

    origin: str
    entries: dict[str, "Node"] = field(default_factory=dict)


@dataclass(slots=True)
class Row:
    """A sequence."""

    origin: str
    items: list["Node"] = field(default_factory=list)


Node = Leaf | Branch | Row


def find(root: Branch, path: str) -> Node | None:
    """Return what lies at a dotted path; None: nothing, or nothing said."""
    node: Node | None = root
    for part in path.split("."):
        node = node.entries.get(part) if isinstance(node, Branch) else None
    return None if isinstance(node, Leaf) and node.is_null else node


def leaves(node: Node) -> Iterator[Leaf]:
    """Return the scalars under a node that say something, in order."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Leaf):
            if not node.is_null and node.text != "":
                yield node
        else:
            inner = node.entries.values() if isinstance(node, Branch) else node.items
            waiting.extend(reversed(list(inner)))


def origins(node: Node) -> str:
    """Return where a value came from, in words: of a file its first line, and every variable."""
    first: dict[str, str] = {}
    for leaf in leaves(node):
        first.setdefault(leaf.origin.partition(" line ")[0], leaf.origin)
    found = list(first.values()) or [node.origin]
    return ", ".join(found[:3]) + (" and more" if len(found) > 3 else "")


def is_true(node: Node | None) -> bool:
    """Is this a scalar that says yes? Quoted or not: what was meant is the same."""
    return isinstance(node, Leaf) and node.text.lower() in ("true", "yes", "on", "y")


def is_false(node: Node | None) -> bool:
    """Is this a scalar that says no?"""
    return isinstance(node, Leaf) and node.text.lower() in ("false", "no", "off", "n")
