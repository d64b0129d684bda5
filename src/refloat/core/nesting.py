"""JSON in JSON, as deep as anybody may send it: looked at level by level, with no function that calls itself."""

from collections.abc import Iterable, Mapping

CUT = "…"
"""What stands for something that lies too deep to be shown."""

Holder = dict[object, object] | list[object]


def is_deeper(value: object, levels: int) -> bool:
    """Does a value hold lists or objects in each other, itself counted, more often than so?"""
    layer = _holders([value])
    for _ in range(levels):
        layer = _holders(inner for each in layer for inner in _inside(each))
    return bool(layer)


def is_same(one: object, other: object) -> bool:
    """Are two values equal, as `==` has it?"""
    pending = [(one, other)]
    while pending:
        one, other = pending.pop()
        if isinstance(one, dict) and isinstance(other, dict):
            if one.keys() != other.keys():
                return False
            pending.extend((inner, other[name]) for name, inner in one.items())
        elif isinstance(one, list) and isinstance(other, list):
            if len(one) != len(other):
                return False
            pending.extend(zip(one, other, strict=True))
        elif isinstance(one, dict | list) or isinstance(other, dict | list) or one != other:
            return False
    return True


def cut(value: object, levels: int) -> object:
    """Return a value with CUT in place of what lies deeper than so many levels, itself counted."""
    layers = [_holders([value])]
    while layers[-1] and len(layers) < levels:
        layers.append(_holders(inner for each in layers[-1] for inner in _inside(each)))
    copies: dict[int, object] = {}
    for holder in (holder for layer in reversed(layers) for holder in layer):
        copies[id(holder)] = _copied(holder, copies)
    return copies.get(id(value), value)


def _copied(holder: Holder, copies: Mapping[int, object]) -> object:
    """Return a copy made of copies; what has none lies too deep."""
    if isinstance(holder, dict):
        return {name: _shown(inner, copies) for name, inner in holder.items()}
    return [_shown(inner, copies) for inner in holder]


def _shown(inner: object, copies: Mapping[int, object]) -> object:
    return copies.get(id(inner), CUT) if isinstance(inner, dict | list) else inner


def _holders(values: Iterable[object]) -> list[Holder]:
    return [value for value in values if isinstance(value, dict | list)]


def _inside(holder: Holder) -> Iterable[object]:
    return holder.values() if isinstance(holder, dict) else holder
