"""Who calls whom within the code, as far as its text tells: enough to see a function that leads back to itself.

A function is led to by its name, read in any way (called, handed to `map`, to `partial`, to `enc_hook=`), where the
name is one of the same module or imported from another; by `self.NAME`, `cls.NAME` and `Class.NAME` within its class
and those it inherits from; and by `ANYTHING.NAME` within a method of that name, unless ANYTHING is what an attribute
of `self` holds, or `super()`: such a call goes to another thing of the same kind, as a walk over a tree does.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Name = str  # `room/module.py: Class.function`
Definition = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Module:
    """What a file defines, by the names it is known by in that file."""

    path: str
    tree: ast.Module
    functions: dict[str, Name] = field(default_factory=dict)
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)
    imported: dict[str, tuple[str, str]] = field(default_factory=dict)  # name -> dotted module, name there
    modules: dict[str, str] = field(default_factory=dict)  # name -> dotted module


class Calls:
    """The functions under a directory that is a package, and which of them each leads to."""

    def __init__(self, package: Path) -> None:
        self._package = package.name
        self._modules = {_dotted(package, path): _read(package, path) for path in sorted(package.rglob("*.py"))}
        self.leads_to: dict[Name, set[Name]] = {}
        for module in self._modules.values():
            self._look(module, module.tree, "", None, {})

    def rings(self) -> list[list[Name]]:
        """Return each set of functions that lead to each other, or one that leads to itself, sorted."""
        found = (sorted(ring) for ring in _strongly_connected(self.leads_to))
        return sorted(ring for ring in found if len(ring) > 1 or ring[0] in self.leads_to[ring[0]])

    def _look(
        self, module: Module, node: ast.AST, prefix: str, owner: ast.ClassDef | None, near: Mapping[str, Name]
    ) -> None:
        """Note every function below a node; `near` are functions defined around it, by their names."""
        for each in _definitions(node):
            name = f"{prefix}{each.name}"
            if isinstance(each, ast.ClassDef):
                self._look(module, each, f"{name}.", each, near)
                continue
            inner = [one.name for one in _definitions(each) if isinstance(one, Definition)]
            nearer = {**near, **{one: f"{module.path}: {name}.{one}" for one in inner}}
            self.leads_to[f"{module.path}: {name}"] = set(self._targets(module, each, owner, nearer))
            self._look(module, each, f"{name}.", owner, nearer)

    def _targets(
        self, module: Module, function: Definition, owner: ast.ClassDef | None, near: Mapping[str, Name]
    ) -> Iterator[Name]:
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                yield from self._named(module, node.id, near)
            elif isinstance(node, ast.Attribute):
                yield from self._attribute(module, function, owner, node)

    def _named(self, module: Module, name: str, near: Mapping[str, Name]) -> Iterator[Name]:
        if name in near:
            yield near[name]
        elif name in module.functions:
            yield module.functions[name]
        elif name in module.classes:
            yield from self._method(module, module.classes[name], "__init__")
            yield from self._method(module, module.classes[name], "__post_init__")
        elif name in module.imported:
            place, there = module.imported[name]
            if place in self._modules and (self._modules[place] is not module or there != name):
                yield from self._named(self._modules[place], there, {})

    def _attribute(
        self, module: Module, function: Definition, owner: ast.ClassDef | None, node: ast.Attribute
    ) -> Iterator[Name]:
        holder = node.value
        if isinstance(holder, ast.Call) and isinstance(holder.func, ast.Name) and holder.func.id in module.classes:
            holder = holder.func  # what it just made
        if isinstance(holder, ast.Name):
            place = module.modules.get(holder.id, self._package)
            if place in self._modules and holder.id in module.modules:
                yield from self._named(self._modules[place], node.attr, {})
                return
            if place.partition(".")[0] != self._package:  # such as `os`: nothing there knows of us
                return
            if owner is not None and holder.id in ("self", "cls", owner.name):
                yield from self._method(module, owner, node.attr)
                return
            if holder.id in module.classes:
                yield from self._method(module, module.classes[holder.id], node.attr)
                return
        if owner is not None and node.attr == function.name and not _is_delegate(holder):
            yield from self._method(module, owner, node.attr)

    def _method(self, module: Module, owner: ast.ClassDef, name: str) -> Iterator[Name]:
        """Find a method of a class, or of one of this module that it inherits from."""
        if any(each.name == name for each in _definitions(owner)):
            yield f"{module.path}: {owner.name}.{name}"
            return
        for base in owner.bases:
            if isinstance(base, ast.Name) and base.id in module.classes and base.id != owner.name:
                yield from self._method(module, module.classes[base.id], name)


def _is_delegate(holder: ast.expr) -> bool:
    """Is this what an attribute of `self` holds, or `super()`?"""
    while isinstance(holder, ast.Attribute | ast.Subscript):
        if isinstance(holder.value, ast.Name) and holder.value.id == "self":
            return True
        holder = holder.value
    return isinstance(holder, ast.Call) and isinstance(holder.func, ast.Name) and holder.func.id == "super"


def _definitions(node: ast.AST) -> Iterator[Definition | ast.ClassDef]:
    """Yield the functions and classes defined directly below a node, not those within them."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Definition | ast.ClassDef):
            yield child
        elif not isinstance(child, ast.expr):
            yield from _definitions(child)


def _dotted(package: Path, path: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _read(package: Path, path: Path) -> Module:
    tree = ast.parse(path.read_text())
    module = Module(str(path.relative_to(package)), tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                module.imported[alias.asname or alias.name] = (node.module, alias.name)
                module.modules[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            module.modules |= {alias.asname or alias.name: alias.name for alias in node.names}
    for each in _definitions(tree):
        if isinstance(each, ast.ClassDef):
            module.classes[each.name] = each
        else:
            module.functions[each.name] = f"{module.path}: {each.name}"
    return module


def _strongly_connected(graph: Mapping[Name, set[Name]]) -> Iterator[set[Name]]:
    """Yield the strongly connected components (Kosaraju's way, with lists of its own)."""
    back: dict[Name, set[Name]] = {name: set() for name in graph}
    for name, targets in graph.items():
        for target in targets & graph.keys():
            back[target].add(name)
    seen = set[Name]()
    for root in reversed(_finished(graph)):
        ring, pending = set[Name](), [root]
        while pending:
            name = pending.pop()
            if name not in seen:
                seen.add(name)
                ring.add(name)
                pending.extend(back[name])
        if ring:
            yield ring


def _finished(graph: Mapping[Name, set[Name]]) -> list[Name]:
    """Return the names in the order in which a walk leaves them."""
    order, seen = list[Name](), set[Name]()
    for root in graph:
        pending = [(root, False)]
        while pending:
            name, is_left = pending.pop()
            if is_left:
                order.append(name)
            elif name not in seen:
                seen.add(name)
                pending.append((name, True))
                pending.extend((each, False) for each in graph[name] & graph.keys())
    return order
