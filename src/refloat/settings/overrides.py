"""`REGISTRY_*` variables laid over a configuration by the rules of distribution's parser.

A name is split at every `_`; each part is compared with the upper-cased key; variables come in the
order of their bytes, so that `REGISTRY_STORAGE` precedes `REGISTRY_STORAGE_S3_BUCKET`; every value
is YAML. A section with fixed keys ignores what it does not know, a free one makes the key, lower-cased.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from refloat.settings.declared import KEYS
from refloat.settings.keys import Key, Kind
from refloat.settings.nearest import nearest
from refloat.settings.tree import NULL, Branch, Leaf, Node, NotYamlError, Row
from refloat.settings.values import Notice, Refusal

PREFIX = "REGISTRY_"
OURS = frozenset({"REGISTRY_CONFIGURATION_PATH"})  # where the file is: not a key of it


@dataclass(slots=True)
class Overridden:
    """What variables said that could not be followed."""

    notices: list[Notice] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)


def overlay(root: Branch, environ: Mapping[str, str]) -> Overridden:
    """Change `root` as the variables say."""
    told = Overridden()
    names = sorted((name for name in environ if name.startswith(PREFIX) and name not in OURS), key=str.encode)
    for name in names:
        variable = _Variable(name, environ[name], told)
        try:
            variable.lay_over(root)
        except (NotYamlError, _UnfitError) as problem:
            told.refusals.append(Refusal(variable.key, name, str(problem)))
    return told


class _UnfitError(ValueError):
    """A variable's name does not fit what it points at."""


@dataclass(slots=True)
class _Variable:
    name: str
    value: str
    told: Overridden

    @property
    def parts(self) -> list[str]:
        return self.name.split("_")[1:]

    @property
    def key(self) -> str:
        return ".".join(self.parts).lower()

    def lay_over(self, root: Branch) -> None:
        self._into(root, KEYS, self.parts)

    def _into(self, node: Node, key: Key, parts: list[str]) -> Node:
        """Lay the value over `node` at `parts` and return what now stands in its place."""
        if not parts:
            return self._payload(key)
        if key.kind is Kind.SECTION:
            return self._section(_as_branch(node, self.name), key, parts)
        if key.kind is Kind.LIST or isinstance(node, Row):
            return self._row(_as_row(node, self.name), key.each, parts)
        if key.kind is Kind.PLAIN:
            return self._ignored(node, "it points inside a plain value")
        return self._map(node, key, parts)

    def _section(self, section: Branch, key: Key, parts: list[str]) -> Node:
        name = key.by_variable(parts[0])
        if name is None:
            meant = nearest(parts[0], [field.variable for field in key.fields.values()])
            return self._ignored(section, f"ignoring unrecognized environment variable{meant}")
        inner = key.fields[name]
        before = section.entries.get(name, inner.empty(self.name))
        section.entries[name] = self._into(before, inner, parts[1:])
        return section

    def _map(self, node: Node, key: Key, parts: list[str]) -> Node:
        if isinstance(node, Leaf) and not node.is_null:
            return self._ignored(node, "it points inside a plain value")
        branch = _as_branch(node, self.name)
        there = [name for name in branch.entries if name.upper() == parts[0]] if len(parts) > 1 else []
        name = there[0] if there else parts[0].lower()
        before = branch.entries[name] if there else Leaf("", NULL, self.name)
        branch.entries[name] = self._into(before, key.child(name), parts[1:])
        return branch

    def _row(self, row: Row, each: Key, parts: list[str]) -> Node:
        if not re.fullmatch(r"[0-9]{1,9}", parts[0]):
            raise _UnfitError(f"non-numeric index: {parts[0]}")
        index = int(parts[0])
        if index > len(row.items):
            raise _UnfitError(f"undefined index: {parts[0]} (there are {len(row.items)} elements)")
        if index == len(row.items):
            row.items.append(each.empty(self.name))
        row.items[index] = self._into(row.items[index], each, parts[1:])
        return row

    def _payload(self, key: Key) -> Node:
        from refloat.settings.parsing import read

        said = read(self.value, self.name, lines=False)
        return key.settled(said) if said is not None else key.empty(self.name)

    def _ignored(self, node: Node, why: str) -> Node:
        self.told.notices.append(Notice(self.key, self.name, why))
        return node


def _as_branch(node: Node, origin: str) -> Branch:
    if isinstance(node, Branch):
        return node
    if isinstance(node, Leaf) and node.is_null:
        return Branch(origin)
    raise _UnfitError(f"the value it points into ({node.origin}) is not a section")


def _as_row(node: Node, origin: str) -> Row:
    if isinstance(node, Row):
        return node
    if isinstance(node, Leaf) and node.is_null:
        return Row(origin)
    raise _UnfitError(f"the value it points into ({node.origin}) is not a list")
