"""YAML to a tree. Imported only when there is a text to read: PyYAML is a third of a small start.

The tree is built from the parser's events: what a few lines of aliases stand for, and what is nested without end,
is refused before it takes any time or room.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from refloat.settings.tree import Branch, Leaf, Node, NotYamlError, Row, SaidTwiceError, TooMuchError

LARGEST = 256 * 1024  # bytes
TOO_LARGE = f"it is larger than {LARGEST // 1024} KiB"
MOST_NODES = 20_000  # keys and values, with those that aliases stand for
DEEPEST = 100  # levels
MERGE = "tag:yaml.org,2002:merge"
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(text: str, source: str, *, lines: bool) -> Node | None:
    """Read one YAML document. None: it is empty. `source` names it; `lines`: name each line too.

    Raises NotYamlError; TooMuchError for what is larger than any configuration is.
    """
    if len(text) > LARGEST:
        raise TooMuchError(TOO_LARGE)
    try:
        loader = _Loader(text)
    except UnicodeEncodeError:
        raise NotYamlError("it is not UTF-8 text") from None
    try:
        return _Reading(loader, source, lines=lines).document()
    except yaml.YAMLError as problem:
        raise NotYamlError(_sentence(problem)) from None
    finally:
        loader.dispose()


@dataclass(slots=True)
class _Pairs:
    """What a mapping says: its own keys, each with its line, and what it merges in."""

    own: dict[str, Node] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    merged: dict[str, Node] = field(default_factory=dict)


class _Reading:
    def __init__(self, loader: Any, source: str, *, lines: bool) -> None:
        self._loader = loader
        self._source = source
        self._lines = lines
        self._nodes = 0
        self._anchors: dict[str, Node] = {}

    def document(self) -> Node | None:
        """Return the one document of a text. None: there is none."""
        self._loader.get_event()  # the stream begins
        if isinstance(self._loader.get_event(), yaml.StreamEndEvent):
            return None
        node = self._node(self._loader.get_event(), DEEPEST)
        self._loader.get_event()  # the document ends
        following = self._loader.get_event()
        if not isinstance(following, yaml.StreamEndEvent):
            raise NotYamlError(f"line {_line(following)}: another document begins here")
        return node

    def _node(self, event: Any, levels: int) -> Node:
        """Return what begins with an event, at most so many levels deep."""
        self._count()
        if levels == 0:
            raise TooMuchError(f"it is nested too deeply in line {_line(event)}")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, levels)
        origin = f"{self._source} line {_line(event)}" if self._lines else self._source
        node: Node
        if isinstance(event, yaml.MappingStartEvent):
            node = self._branch(origin, levels - 1)
        elif isinstance(event, yaml.SequenceStartEvent):
            items = self._events(yaml.SequenceEndEvent)
            node = Row(origin, [self._node(item, levels - 1) for item in items])
        else:
            node = Leaf(event.value, self._tag(event), origin)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _events(self, end: type) -> Iterator[Any]:
        """Yield what begins inside a collection; each is read to its end before the next is asked for."""
        while not isinstance(event := self._loader.get_event(), end):
            yield event

    def _branch(self, origin: str, levels: int) -> Branch:
        said = _Pairs()
        for event in self._events(yaml.MappingEndEvent):
            key = self._node(event, levels)
            if not isinstance(key, Leaf):
                raise NotYamlError(f"{key.origin}: a key is not a word")
            value = self._node(self._loader.get_event(), levels)
            if key.tag == MERGE:
                _merge(said, value)
            elif key.text in said.own:
                raise SaidTwiceError(key.text, (said.lines[key.text], _line(event)))
            else:
                said.own[key.text], said.lines[key.text] = value, _line(event)
        return Branch(origin, {**said.merged, **said.own})

    def _alias(self, event: Any, levels: int) -> Node:
        """Return a tree of its own: a variable that changes one place must not change the other."""
        if event.anchor not in self._anchors:
            raise NotYamlError(f"line {_line(event)}: found undefined alias {event.anchor!r}")
        return self._copy(self._anchors[event.anchor], levels)

    def _copy(self, node: Node, levels: int) -> Node:
        self._count()
        if levels == 0:
            raise TooMuchError("it is nested too deeply")
        if isinstance(node, Branch):
            return Branch(node.origin, {name: self._copy(inner, levels - 1) for name, inner in node.entries.items()})
        if isinstance(node, Row):
            return Row(node.origin, [self._copy(inner, levels - 1) for inner in node.items])
        return Leaf(node.text, node.tag, node.origin)

    def _count(self) -> None:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise TooMuchError(f"it has more than {MOST_NODES} keys and values")

    def _tag(self, event: Any) -> str:
        """Return what a scalar is taken for: as it says, or as it looks."""
        if event.tag is not None and event.tag != "!":
            return str(event.tag)
        return str(self._loader.resolve(yaml.ScalarNode, event.value, event.implicit))


def _merge(said: _Pairs, value: Node) -> None:
    """Take over the keys of a mapping, or of several of which the first counts most. Raises NotYamlError."""
    for source in reversed(value.items) if isinstance(value, Row) else (value,):
        if not isinstance(source, Branch):
            raise NotYamlError(f"{source.origin}: only mappings can be merged in")
        said.merged.update(source.entries)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _sentence(problem: yaml.YAMLError) -> str:
    mark = getattr(problem, "problem_mark", None)
    what = getattr(problem, "problem", None) or str(problem)
    return f"line {mark.line + 1}: {what}" if mark is not None else str(what)
