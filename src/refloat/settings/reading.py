"""Typed values out of a configuration's tree. What does not fit is collected, not raised."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

from refloat.core.errors import NameInvalid
from refloat.core.names import NAME
from refloat.core.patterns import ImagePattern
from refloat.settings import durations
from refloat.settings.tree import Branch, Leaf, Node, Row, find, is_false, is_true, origins
from refloat.settings.values import Notice, Refusal

T = TypeVar("T")
SUSPICIOUS = 1_000_000  # a bare number below one second was probably meant as seconds
LONGEST = 8192  # characters of one value
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


class _UnfitError(ValueError):
    """A value is not what its key asks for; the message is a sentence."""


class Reading:
    """Reads one key after the other; `refusals` are the values that did not fit."""

    def __init__(self, root: Branch) -> None:
        self._root = root
        self.notices: list[Notice] = []
        self.refusals: list[Refusal] = []

    def text(self, path: str, default: str) -> str:
        """Return a scalar as it was written, on one line."""
        return self._read(path, default, _line)

    def flag(self, path: str, *, default: bool | T) -> bool | T:
        """Return true or false, or `default` when nothing is said."""
        flag: Callable[[Node], bool | T] = _flag
        return self._read(path, default, flag)

    def one_of(self, path: str, default: str, known: Collection[str]) -> str:
        """Return one of some words, lower-cased."""

        def choose(node: Node) -> str:
            word = _text(node).lower()
            if word not in known:
                raise _UnfitError(f"must be one of {', '.join(known)}, not {word!r}")
            return word

        return self._read(path, default, choose)

    def count(self, path: str, default: int, least: int) -> int:
        """Return an integer of at least `least`."""

        def counted(node: Node) -> int:
            text = _text(node)
            if not re.fullmatch(r"[-+]?[0-9]{1,18}", text):
                raise _UnfitError(f"must be a whole number, not {text!r}")
            if int(text) < least:
                raise _UnfitError(f"must be at least {least}, not {text}")
            return int(text)

        return self._read(path, default, counted)

    def maximum(self, path: str, default: int) -> int:
        """Return an upper bound; zero and less mean the default, as in distribution."""
        said = self.count(path, default, least=-(1 << 31))
        return said if said > 0 else default

    def share(self, path: str, default: float) -> float:
        """Return a percentage such as `1%` as a fraction."""

        def shared(node: Node) -> float:
            written = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*%", _text(node))
            if written is None or float(written[1]) >= 100:
                raise _UnfitError(f"must be a share of the disk, such as 1%, not {_text(node)!r}")
            return float(written[1]) / 100

        return self._read(path, default, shared)

    def duration(self, path: str, default: str, least: str) -> int:
        """Return microseconds, of at least `least`; `default` and `least` are written as in a file."""

        def lasted(node: Node) -> int:
            text = _text(node)
            microseconds = durations.parse(text)
            if microseconds < durations.parse(least):
                bare = " (a number without a unit is nanoseconds)" if durations.is_bare(text) else ""
                raise _UnfitError(f"must be at least {least}, not {text}{bare}")
            if durations.is_bare(text) and microseconds < SUSPICIOUS:
                meant = durations.text_of(microseconds)
                self._warn(path, node, f"{text} is read as nanoseconds, that is {meant}")
            return microseconds

        return self._read(path, durations.parse(default), lasted)

    def words(self, path: str) -> Mapping[str, str]:
        """Return a map of plain values as they were written."""

        def worded(node: Node) -> dict[str, str]:
            return {name: _text(inner) for name, inner in _branch(node).entries.items()}

        return self._read(path, {}, worded)

    def lists(self, path: str) -> Mapping[str, Sequence[str]]:
        """Return a map of lists of plain values; one value alone is a list of one."""

        def listed(node: Node) -> dict[str, tuple[str, ...]]:
            return {name: _texts(inner) for name, inner in _branch(node).entries.items()}

        return self._read(path, {}, listed)

    def name_part(self, path: str, default: str) -> str:
        """Return what may stand between two slashes of a repository's name."""

        def parted(node: Node) -> str:
            text = _text(node)
            if "/" in text or not NAME.fullmatch(text):
                raise _UnfitError(f"must be one part of a repository's name, such as {default}, not {text!r}")
            return text

        return self._read(path, default, parted)

    def patterns(self, path: str) -> tuple[ImagePattern, ...]:
        """Return patterns of images, as `team/**:v*`."""

        def patterned(node: Node) -> tuple[ImagePattern, ...]:
            try:
                return tuple(ImagePattern.parse(text) for text in _texts(node))
            except NameInvalid as problem:
                raise _UnfitError(problem.message) from None

        return self._read(path, (), patterned)

    def refuse(self, path: str, sentence: str, hint: str = "") -> None:
        """Note that what is said at `path` cannot be followed."""
        node = find(self._root, path)
        self.refusals.append(Refusal(path, origins(node) if node else "", sentence, hint))

    def says(self, path: str) -> bool:
        """Is anything said at `path`?"""
        return find(self._root, path) is not None

    def _warn(self, path: str, node: Node, sentence: str) -> None:
        self.notices.append(Notice(path, origins(node), sentence))

    def _read(self, path: str, default: T, of: Callable[[Node], T]) -> T:
        node = find(self._root, path)
        if node is None or (isinstance(node, Leaf) and node.text == ""):
            return default
        try:
            return of(node)
        except ValueError as problem:
            self.refusals.append(Refusal(path, origins(node), str(problem)))
            return default


def _text(node: Node) -> str:
    if not isinstance(node, Leaf):
        raise _UnfitError("must be one plain value")
    if len(node.text) > LONGEST:
        raise _UnfitError(f"must be at most {LONGEST} characters")
    return node.text


def _line(node: Node) -> str:
    text = _text(node)
    if _CONTROLS.search(text):
        raise _UnfitError(f"must not have line breaks or other control characters, as {text!a} has")
    return text


def _flag(node: Node) -> bool:
    if is_true(node):
        return True
    if is_false(node):
        return False
    raise _UnfitError(f"must be true or false, not {_text(node)!r}")


def _branch(node: Node) -> Branch:
    if not isinstance(node, Branch):
        raise _UnfitError("must be a section")
    return node


def _texts(node: Node) -> tuple[str, ...]:
    return tuple(_text(item) for item in node.items) if isinstance(node, Row) else (_text(node),)
