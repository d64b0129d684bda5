"""From a path as it came to a handler and the names it works with.

A path is decoded and its names are parsed once; what comes again and again is remembered. Only names are:
never what they point to.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from refloat.core.errors import NameInvalid, NameUnknown
from refloat.web.paths import decode

Handler = Callable[..., Awaitable[None]]
Parse = Callable[[str], object]
LONGEST = 1024  # bytes: a name has at most 255, a digest 135
MOST_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Route:
    """Paths of one form; how each group of it is read, and what each method does there."""

    path: re.Pattern[str]
    names: tuple[Parse, ...]
    methods: Mapping[str, Handler]


@dataclass(frozen=True, slots=True)
class Place:
    """What a path leads to."""

    methods: Mapping[str, Handler]
    arguments: tuple[object, ...]


class Router:
    """Finds places under `prefix`.

    `routes` are looked up by the last part but one of a path, `addresses` are tried where there is none.
    """

    def __init__(self, routes: Mapping[str, Sequence[Route]], addresses: Sequence[Route], prefix: str) -> None:
        self._routes = routes
        self._addresses = addresses
        self._prefix = prefix
        self.find = lru_cache(MOST_REMEMBERED)(self._find)

    def _find(self, raw: bytes) -> Place:
        """Return what a raw path leads to. Raises NameInvalid, DigestInvalid, NameUnknown."""
        path = self.path(raw)
        parts = path.rsplit("/", 2)
        for route in self._routes.get(parts[1] if len(parts) == 3 else "", self._addresses):
            match = route.path.fullmatch(path)
            if match is not None:
                read = zip(route.names, match.groups(), strict=True)
                return Place(route.methods, tuple(parse(text) for parse, text in read))
        raise NameUnknown("there is nothing at this address")

    def path(self, raw: bytes) -> str:
        """Return a raw path decoded, without the prefix. Raises NameInvalid."""
        raw = raw.partition(b"?")[0]
        if len(raw) > LONGEST:
            raise NameInvalid(f"the address is longer than {LONGEST} bytes")
        return decode(raw).removeprefix(self._prefix)
