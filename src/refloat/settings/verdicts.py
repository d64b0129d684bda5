"""What a configuration says that has no effect here, or that must not be passed over."""

from collections.abc import Callable

from refloat.settings.declared import KEYS, TABLE
from refloat.settings.keys import Key, Kind, Treatment
from refloat.settings.nearest import nearest
from refloat.settings.tree import Branch, Leaf, Node, Row, is_false, is_true, leaves, origins
from refloat.settings.values import Notice, Refusal

BESIDE_A_DRIVER = frozenset({"maintenance", "cache", "delete", "redirect", "tag"})
MOST_GUESSES = 100  # unknown keys of which the one that was meant is looked for: it takes a while
SEVERAL_DRIVERS = "must provide exactly one storage type. Provided: [{}]"  # distribution's own words


class Verdicts:
    """Notices and refusals, in the order of the configuration."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self.refusals: list[Refusal] = []

    def judge(self, root: Branch) -> None:
        """Look at every key of a configuration."""
        self._section("", KEYS, root)
        storage = root.entries.get("storage")
        if isinstance(storage, Branch):
            self._drivers(storage)

    def _section(self, path: str, key: Key, branch: Branch) -> None:
        for name, node in branch.entries.items():
            inner = f"{path}.{name}" if path else name
            if name in key.fields:
                self._known(inner, key.fields[name], node)
            elif key.fields and key.kind is not Kind.NAMED:
                self._unknown(inner, name, key, node)

    def _known(self, path: str, key: Key, node: Node) -> None:
        declared = key.declared
        if declared is not None and declared.treatment is not Treatment.HONOURED:
            if not SAYS.get(path, _says_anything)(node):
                return
            if declared.treatment is Treatment.IGNORED:
                self.notices.append(Notice(path, origins(node), declared.why))
            else:
                self.refusals.append(Refusal(path, origins(node), declared.why, declared.hint))
        elif isinstance(node, Branch):
            self._section(path, key, node)
        elif key.fields and _says_anything(node):
            self.refusals.append(Refusal(path, origins(node), "a section was expected here"))

    def _unknown(self, path: str, name: str, key: Key, node: Node) -> None:
        meant = nearest(name, key.fields) if len(self.notices) + len(self.refusals) < MOST_GUESSES else ""
        if path.startswith("refloat."):  # a mistyped window would delete early: never pass over ours
            self.refusals.append(Refusal(path, origins(node), f"there is no such key{meant}"))
        else:
            self.notices.append(Notice(path, origins(node), f"unknown key, ignored{meant}"))

    def _drivers(self, storage: Branch) -> None:
        drivers = {name: node for name, node in storage.entries.items() if name not in BESIDE_A_DRIVER}
        if len(drivers) > 1:
            places = "; ".join(f"{name} comes from {origins(node)}" for name, node in sorted(drivers.items()))
            self.refusals.append(
                Refusal(
                    "storage", places, SEVERAL_DRIVERS.format(" ".join(sorted(drivers))),
                    "REGISTRY_STORAGE=filesystem replaces the whole section",
                )
            )
            return
        for name, node in drivers.items():
            if name != "filesystem":
                self.refusals.append(_no_such_driver(name, node))


def _no_such_driver(name: str, node: Node) -> Refusal:
    return Refusal(
        f"storage.{name}",
        origins(node),
        f"refloat keeps images in a directory only, for now; what is in {name} would seem to be gone"
        + nearest(name, ["filesystem"]),
        "REGISTRY_STORAGE=filesystem and --root DIR start a registry of its own",
    )


def _says_anything(node: Node) -> bool:
    return next(leaves(node), None) is not None


def _names_anything(node: Node) -> bool:
    return bool(node.entries) if isinstance(node, Branch) else _says_anything(node)


def _is_read_only(node: Node) -> bool:
    if isinstance(node, Branch):
        enabled = node.entries.get("enabled")
        return enabled is not None and _says_anything(enabled) and not is_false(enabled)
    return _says_anything(node) and not is_false(node)


def _has_enabled_entries(node: Node) -> bool:
    if isinstance(node, Branch) and "name" not in node.entries:
        return any(_has_enabled_entries(inner) for inner in node.entries.values())
    if isinstance(node, Row):
        return any(_has_enabled_entries(inner) for inner in node.items)
    return _says_anything(node) and not (isinstance(node, Branch) and is_true(node.entries.get("disabled")))


def _is_switched_on(node: Node) -> bool:
    return not isinstance(node, Leaf) or is_true(node)


SAYS: dict[str, Callable[[Node], bool]] = {
    "auth": _names_anything,
    "middleware": _has_enabled_entries,
    "storage.maintenance.readonly": _is_read_only,
    "storage.cache": _names_anything,
    "log.reportcaller": _is_switched_on,
    "notifications.endpoints": _has_enabled_entries,
}  # where "it says anything" is not the question

assert SAYS.keys() <= {declared.path for declared in TABLE}, "a rule for a key that is not declared"
