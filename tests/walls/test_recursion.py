"""No function leads back to itself over what clients send: they decide how long a chain is, and how deep a tree."""

import shutil
from textwrap import dedent

import pytest

from tests.walls.calls import Calls
from tools.provision import HOME

CODE = HOME / "src" / "refloat"

NAMESAKE = "it calls what another thing has under the same name"
SETTINGS = "a configuration is the operator's own, and its parser refuses what is nested too deeply"
TURNS = "each turn is begun by the event loop or by another thread, with nothing of the one before it on the stack"

ALLOWED = {
    "blobs/filesystem.py: FileBlobs.begins": NAMESAKE,
    "blobs/filesystem.py: FileBlobs.reap_quarantined": NAMESAKE,
    "core/prices.py: Waiting.by": NAMESAKE,
    "main/group.py: Verbs.shell_complete": NAMESAKE,
    "main/purger.py: Purger.notes": NAMESAKE,
    "main/respawning.py: Places.": NAMESAKE,
    "main/shedding.py: Shedder.start": NAMESAKE,
    "metadata/store.py: SqliteMetadata.close": NAMESAKE,
    "metadata/writer.py": TURNS,
    "portable/facts.py: Facts.tags": NAMESAKE,
    "settings/": SETTINGS,
    "web/access.py: AccessLog.": TURNS,
    "web/errors.py: with_moments": "the detail of a condition is made here, and three levels deep",
}
"""Functions that lead back to themselves, or how their names begin, and why they may."""


def reason(ring: list[str]) -> str | None:
    """Return why functions may lead back to each other: all of them, for the same reason."""
    return next((why for name, why in ALLOWED.items() if all(each.startswith(name) for each in ring)), None)


@pytest.fixture(scope="module")
def rings() -> list[list[str]]:
    """The functions of the code that lead back to each other, or to themselves."""
    return Calls(CODE).rings()


def test_no_function_leads_back_to_itself(rings: list[list[str]]) -> None:
    assert [ring for ring in rings if reason(ring) is None] == []


def test_every_exception_is_one(rings: list[list[str]]) -> None:
    found = [each for ring in rings for each in ring]
    assert [name for name in ALLOWED if not any(each.startswith(name) for each in found)] == []


PLANTS: dict[str, tuple[str, dict[str, str]]] = {
    "by its name": (
        "core/removal.py: planted",
        {"core/removal.py": """
            def planted(n: int) -> int:
                return planted(n - 1) if n else 0
        """},
    ),
    "through another function": (
        "core/ending.py: ping",
        {"core/ending.py": """
            def ping(n: int) -> int:
                return pong(n - 1)

            def pong(n: int) -> int:
                return ping(n)
        """},
    ),
    "through another module": (
        "core/prices.py: back",
        {
            "usecases/price.py": """
                from refloat.core import prices

                def planted(n: int) -> int:
                    return prices.back(n)
            """,
            "core/prices.py": """
                def back(n: int) -> int:
                    from refloat.usecases.price import planted
                    return planted(n)
            """,
        },
    ),
    "handed to somebody who calls it": (
        "core/comparison.py: planted",
        {"core/comparison.py": """
            def planted(value: list[object]) -> list[object]:
                return [*map(planted, value)]
        """},
    ),
    "as a method of itself": (
        "core/blocks.py: Tree.go",
        {"core/blocks.py": """
            class Tree:
                def walk(self) -> None:
                    self.go()

                def go(self) -> None:
                    self.walk()
        """},
    ),
    "as a method of another of its kind": (
        "core/comparison.py: Tree.walk",
        {"core/comparison.py": """
            class Tree:
                def walk(self) -> None:
                    for child in self.below:
                        child.walk()
        """},
    ),
    "as a property of another of its kind": (
        "core/descriptors.py: Tree.size",
        {"core/descriptors.py": """
            class Tree:
                @property
                def size(self) -> int:
                    return 1 + sum(each.size for each in self.below)
        """},
    ),
    "by way of its class": (
        "core/manifest.py: Node.__init__",
        {"core/manifest.py": """
            class Node:
                def __init__(self, said: list[object]) -> None:
                    self.below = [Node(each) for each in said]
        """},
    ),
    "within another function": (
        "web/manifests.py: around.planted",
        {"web/manifests.py": """
            def around() -> object:
                def planted(n: int) -> int:
                    return planted(n - 1)
                return planted(3)
        """},
    ),
    "by way of what it inherits": (
        "metadata/view.py: Own.walk",
        {"metadata/view.py": """
            class Base:
                def go(self) -> None:
                    Own().walk()

            class Own(Base):
                def walk(self) -> None:
                    self.go()
        """},
    ),
}  # fmt: skip
"""How a function may lead back to itself: one of the ring, and what is added to which files."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Every function that leads back to itself for no reason, in a copy of the code with all that is planted."""
    copy = tmp_path_factory.mktemp("recursion") / "refloat"
    shutil.copytree(CODE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for where, text in (file for _, files in PLANTS.values() for file in files.items()):
        (copy / where).write_text(f"{(copy / where).read_text()}\n{dedent(text)}")
    return [each for ring in Calls(copy).rings() if reason(ring) is None for each in ring]


@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_recursion_is_found(found: list[str], plant: str) -> None:
    name, _ = PLANTS[plant]
    assert name in found


def test_nothing_but_what_is_planted_is_found(found: list[str]) -> None:
    planted = {name.partition(":")[0] for name, _ in PLANTS.values()} | {"usecases/price.py"}
    assert {each.partition(":")[0] for each in found} == planted
