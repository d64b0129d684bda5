"""Text by grammar: pieces that are right put together in ways that are often wrong."""

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from random import Random

from tools.fuzz.target import LARGEST

ODD_TEXTS = (
    "", " ", "a", "\x00", "\r\n", "\u202e", "\u2028", "\ud800", "\xe9", "é", "null", "-1", "0", "1e999", "*", "../..",
    "sha256:", "<script>", "%00", "a" * 300, "true",
)  # fmt: skip
ODD_VALUES: tuple[object, ...] = (None, True, False, 0, -1, 2, 1.5, 10**19, 10**30, [], {}, [None], {"": None})
MOST_NODES = 400
DEEPEST = 60


def text(dice: Random, letters: str, longest: int) -> str:
    """Return letters, mostly few, now and then very many of one kind."""
    if dice.random() < 0.02:
        return dice.choice(letters) * dice.randrange(1, longest + 1)
    return "".join(dice.choice(letters) for _ in range(dice.randrange(min(longest, 24) + 1)))


def long_of(dice: Random, pieces: Sequence[str]) -> str:
    """Return one piece, or two in turn, repeated up to the largest input."""
    piece = dice.choice(pieces) + (dice.choice(pieces) if dice.random() < 0.5 else "")
    return piece * dice.randrange(1, max(2, LARGEST // max(1, len(piece))))


def spliced(dice: Random, data: bytes, pieces: Sequence[str]) -> bytes:
    """Return an input with a part taken away, doubled, moved, or a piece put in."""
    at = dice.randrange(len(data) + 1)
    to = min(len(data), at + dice.randrange(12))
    changed = dice.randrange(4)
    if changed == 0:
        return data[:at] + data[to:]
    if changed == 1:
        return (data[:to] + data[at:])[:LARGEST]
    if changed == 2:
        return (data[:at] + dice.choice(pieces).encode("utf-8", "surrogatepass") + data[to:])[:LARGEST]
    return bytes([*data[:at], dice.randrange(256), *data[at + 1 :]])


def json_altered(dice: Random, data: bytes, value: Callable[[Random], object]) -> bytes:
    """Return a JSON text with some of its values changed; what is no JSON is left as it is."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return data
    for _ in range(1 + dice.randrange(3)):
        document = _changed(dice, document, value)
    return encoded(document)


def encoded(document: object) -> bytes:
    """Return a document as JSON; what UTF-8 has no bytes for is escaped."""
    try:
        return json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(document).encode()


def _changed(dice: Random, document: object, value: Callable[[Random], object]) -> object:
    """Walk down to some place of a document and put something else there."""
    node, depth = document, 0
    while isinstance(node, dict | list) and node and depth < DEEPEST:
        inner = dice.choice(list(node.values())) if isinstance(node, dict) else dice.choice(node[:MOST_NODES])
        if dice.random() < 0.4 or not isinstance(inner, dict | list):
            _put(dice, node, value)
            return document
        node, depth = inner, depth + 1
    return value(dice) if node is document else document


def _put(dice: Random, node: dict[str, object] | list[object], value: Callable[[Random], object]) -> None:
    fresh = _odd(dice) if dice.random() < 0.5 else value(dice)
    if isinstance(node, list):
        if dice.random() < 0.1:
            node.extend(deepcopy(node) * dice.randrange(min(200, MOST_NODES // len(node) + 1)))
        else:
            node[dice.randrange(len(node))] = fresh
    elif dice.random() < 0.2:
        del node[dice.choice(list(node))]
    else:
        node[dice.choice(list(node))] = fresh


def _odd(dice: Random) -> object:
    return deepcopy(dice.choice(ODD_VALUES)) if dice.random() < 0.5 else dice.choice(ODD_TEXTS)
