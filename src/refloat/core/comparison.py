"""What differs between two states of a reference: bytes, platforms, and of each platform its layers and config."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeGuard

from refloat.core.names import Digest
from refloat.core.nesting import cut, is_same

FOLLOWS = frozenset({"rootfs", "history", "container_config"})
"""What a config repeats of the layers, or of itself."""
DEEPEST = 50  # levels of a value that are shown


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of an image. `size` is what the manifest says, in bytes."""

    digest: Digest
    size: int


@dataclass(frozen=True, slots=True)
class Build:
    """One image, as it is or as an index has it for a platform. `config` is empty where it could not be read.

    Of a config that is `hidden` nobody is told more than the names of what it sets.
    """

    platform: str | None
    layers: tuple[Layer, ...]
    config: Mapping[str, object]
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """What a reference pointed to. `blobs` are all below it, each once, with their bytes."""

    digest: Digest
    media_type: str
    blobs: Mapping[Digest, int]
    builds: tuple[Build, ...]

    @property
    def size(self) -> int:
        """The bytes of all blobs."""
        return sum(self.blobs.values())


@dataclass(frozen=True, slots=True)
class Hidden:
    """Stands for a value that is not told, nor whether it differs from the other: that would tell it by and by."""


HIDDEN = Hidden()


@dataclass(frozen=True, slots=True)
class Setting:
    """One value of a config that differs: `Env.PATH`, `Labels.version`, `Cmd`. None: not there. It may be Hidden.

    What lies deeper in a value than DEEPEST levels is cut, though it was compared.
    """

    name: str
    old: object
    new: object


@dataclass(frozen=True, slots=True)
class BuildDifference:
    """What differs between the images for one platform. `kept` counts the layers that both have."""

    platform: str | None
    kept: int
    added: tuple[Layer, ...]
    removed: tuple[Layer, ...]
    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two states, and what differs. `added` and `removed` are bytes of blobs that only one of them has."""

    old: State
    new: State
    added: int
    removed: int
    platforms_added: tuple[str, ...]
    platforms_removed: tuple[str, ...]
    builds: tuple[BuildDifference, ...]


def compare(old: State, new: State) -> Comparison:
    """Return what differs. Images are compared where both states have one for the same platform."""
    before, after = _by_platform(old.builds), _by_platform(new.builds)
    return Comparison(
        old=old,
        new=new,
        added=sum(size for digest, size in new.blobs.items() if digest not in old.blobs),
        removed=sum(size for digest, size in old.blobs.items() if digest not in new.blobs),
        platforms_added=_platforms(after.keys() - before.keys()),
        platforms_removed=_platforms(before.keys() - after.keys()),
        builds=tuple(_difference(before[place], after[place]) for place in after if place in before),
    )


def _by_platform(builds: Iterable[Build]) -> dict[tuple[str | None, int], Build]:
    """Name each build by its platform and, where several are for one, by their order."""
    counts: Counter[str | None] = Counter()
    named = {}
    for build in builds:
        named[build.platform, counts[build.platform]] = build
        counts[build.platform] += 1
    return named


def _platforms(places: Iterable[tuple[str | None, int]]) -> tuple[str, ...]:
    return tuple(sorted(platform for platform, _ in places if platform is not None))


def _difference(old: Build, new: Build) -> BuildDifference:
    removed = _beyond(old.layers, new.layers)
    return BuildDifference(
        platform=new.platform,
        kept=len(old.layers) - len(removed),
        added=_beyond(new.layers, old.layers),
        removed=removed,
        settings=_settings(_told(old), _told(new)),
    )


def _beyond(layers: Iterable[Layer], others: Iterable[Layer]) -> tuple[Layer, ...]:
    """Return the layers that others do not have, or not as often, in their order."""
    left = Counter(layer.digest for layer in others)
    found = []
    for layer in layers:
        if left[layer.digest]:
            left[layer.digest] -= 1
        else:
            found.append(layer)
    return tuple(found)


def _settings(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[Setting, ...]:
    both = ((name, old.get(name), new.get(name)) for name in sorted(old.keys() | new.keys()))
    differing = (one for one in both if HIDDEN in one[1:] or not is_same(one[1], one[2]))
    return tuple(Setting(name, cut(before, DEEPEST), cut(after, DEEPEST)) for name, before, after in differing)


def _told(build: Build) -> Mapping[str, object]:
    """Return what may be told of a config: its values by their names, or of a hidden one the names."""
    if not build.hidden:  # guard: what-was-deleted-is-not-told
        return _flat(build.config)
    return {name: HIDDEN for place, value in _entries(build.config) for name in _names(place, value)}


def _names(name: str, value: object) -> Iterable[str]:
    """Return the names of an entry. Variables and labels have their own; what else is keyed may itself be a value."""
    if name == "Env" and _is_texts(value):
        return [f"Env.{variable}" for variable, sign, _ in map(_halves, value) if sign]
    if name == "Labels" and isinstance(value, Mapping):
        return [f"Labels.{label}" for label in value]
    return [name]


def _flat(config: Mapping[str, object]) -> dict[str, object]:
    """Name each value of a config by one word: what runs (`config`) by its own, the rest by where it stands."""
    found: dict[str, object] = {}
    for name, value in _entries(config):
        found |= _named(name, value)
    return found


def _entries(config: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name, value in config.items():
        if name == "config" and isinstance(value, Mapping):
            yield from value.items()
        elif name not in FOLLOWS:
            yield name, value


def _named(name: str, value: object) -> dict[str, object]:
    if name == "Env" and _is_texts(value):
        return {f"Env.{variable}": said for variable, _, said in map(_halves, value)}
    if isinstance(value, Mapping) and value:
        return {f"{name}.{inner}": said for inner, said in value.items()}
    return {name: value}


def _is_texts(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)


def _halves(entry: str) -> tuple[str, str, str]:
    return entry.partition("=")
