"""The shape of a configuration: which keys there are, what each holds, what becomes of it here."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from refloat.settings.tree import NULL, Branch, Leaf, Node, Row


class Kind(Enum):
    """What a key holds, as far as variables care."""

    SECTION = "a section with fixed keys"
    MAP = "a section with free keys"
    NAMED = "a section with free keys, or one word that names its only key"
    LISTS = "a section with free keys that hold lists"
    LIST = "a list"
    PLAIN = "one value"
    ANY = "anything"


class Treatment(Enum):
    """What refloat does with a key."""

    HONOURED = "honoured"
    IGNORED = "no effect"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Declared:
    """One line of the table in `declared.py`."""

    path: str
    kind: Kind
    treatment: Treatment
    why: str = ""
    hint: str = ""
    variable: str = ""  # the last part of the variable's name where it is not the key itself


@dataclass(slots=True)
class Key:
    """One key and what lies under it."""

    kind: Kind
    variable: str = ""
    declared: Declared | None = None
    fields: dict[str, "Key"] = field(default_factory=dict)

    @property
    def each(self) -> "Key":
        """The shape of an element that no field describes."""
        return ELEMENTS.get(self.kind, ANYTHING)

    def child(self, name: str) -> "Key":
        """Return the shape of what lies under `name`."""
        return self.fields.get(name, self.each)

    def by_variable(self, part: str) -> str | None:
        """Return the key that a part of a variable's name means. None: there is no such key."""
        return next((name for name, field in self.fields.items() if field.variable == part), None)

    def empty(self, origin: str) -> Node:
        """Return what a key holds before anything is said about it."""
        if self.kind in (Kind.SECTION, Kind.MAP, Kind.NAMED, Kind.LISTS):
            return Branch(origin)
        return Row(origin) if self.kind is Kind.LIST else Leaf("", NULL, origin)

    def settled(self, node: Node) -> Node:
        """Return `node`, with the one word that may stand for a named section written out."""
        if self.kind is Kind.NAMED and isinstance(node, Leaf) and not node.is_null:
            return Branch(node.origin, {node.text: Branch(node.origin)})
        return node


ANYTHING = Key(Kind.ANY)
ELEMENTS = {Kind.NAMED: Key(Kind.MAP), Kind.LISTS: Key(Kind.LIST)}


def grow(table: Iterable[Declared]) -> Key:
    """Return the tree that a table of dotted paths describes."""
    root = Key(Kind.SECTION)
    for declared in table:
        *parents, name = declared.path.split(".")
        here = root
        for parent in parents:
            here = here.fields.setdefault(parent, Key(Kind.SECTION, parent.upper()))
        known = here.fields.setdefault(name, Key(declared.kind))
        known.kind, known.declared = declared.kind, declared
        known.variable = declared.variable or name.upper()
    return root
