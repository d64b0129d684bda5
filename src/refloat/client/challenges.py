"""How a server says that it wants to know who asks: the header WWW-Authenticate, RFC 9110 11.6.1."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf'({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}))')
_SCHEME = re.compile(rf"({_TOKEN})(?:\s+|$|(?=,))")
_BETWEEN = re.compile(r"[\s,]*")
_REST = re.compile(r"[^,\s]+")  # of a form of old, one word behind its scheme


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to say who asks. `scheme` and the names of parameters are in lower case."""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenges(header: str) -> tuple[Challenge, ...]:
    """Read every challenge of a header, which may be several headers joined by commas."""
    found: list[tuple[str, dict[str, str]]] = []
    at = 0
    while (at := _skipped(header, at)) < len(header):
        if (parameter := _PARAMETER.match(header, at)) and found:
            name, quoted, plain = parameter.groups()
            found[-1][1][name.lower()] = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            at = parameter.end()
        elif scheme := _SCHEME.match(header, at):
            found.append((scheme[1].lower(), {}))
            at = scheme.end()
        else:
            rest = _REST.match(header, at)
            at = rest.end() if rest else at + 1
    return tuple(Challenge(scheme, parameters) for scheme, parameters in found)


def _skipped(header: str, at: int) -> int:
    between = _BETWEEN.match(header, at)
    return between.end() if between else at
