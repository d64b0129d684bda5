"""What of a configuration gets into every answer: a value that no client could read would break them all.

RFC 9110 section 5 (headers), RFC 3986 (addresses).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from refloat.core.hosts import is_host

MOST_LINES = 50  # some clients read 100 headers of an answer, and it has some of its own
MOST_BYTES = 8 * 1024  # proxies keep no more of an answer's head than that
OWN = frozenset({
    "accept-ranges", "allow", "connection", "content-encoding", "content-length", "content-range", "content-type",
    "date", "docker-content-digest", "docker-upload-uuid", "etag", "keep-alive", "link", "location",
    "oci-chunk-min-length", "oci-filters-applied", "oci-subject", "oci-tag", "proxy-connection", "range",
    "refloat-change", "retry-after", "te", "trailer", "transfer-encoding", "upgrade", "warning", "www-authenticate",
    "x-request-id",
})  # fmt: skip
"""What says of one answer what it is."""
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\t -~\xa0-\xff]*")
_PATH = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/-]*")


@dataclass(frozen=True, slots=True)
class Problem:
    """A key that cannot be followed, and why."""

    key: str
    sentence: str


def problems_of(headers: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    """Yield what is wrong with headers that are meant for every answer."""
    lines = [(name, value) for name, values in headers.items() for value in values]
    for name, value in lines:
        if not _NAME.fullmatch(name):
            yield Problem("http.headers", f"{_short(name)} is not the name of a header")
        elif name.lower() in OWN:
            yield Problem(f"http.headers.{name}", "is said of each answer by the registry itself")
        elif not _VALUE.fullmatch(value):
            yield Problem(f"http.headers.{name}", f"{_short(value)} has a character that a header cannot have")
    if len(lines) > MOST_LINES:
        yield Problem("http.headers", f"must be at most {MOST_LINES} lines: clients read no more of an answer")
    elif sum(len(name) + len(value) for name, value in lines) > MOST_BYTES:
        yield Problem("http.headers", f"must be at most {MOST_BYTES} bytes: proxies keep no more of an answer's head")


def is_server(text: str) -> bool:
    """Is this [http[s]://]HOST[:PORT][/PATH]?"""
    scheme, separator, rest = text.rpartition("://")
    host, slash, path = rest.partition("/")
    return (not separator or scheme.lower() in ("http", "https")) and is_host(host) and is_path(slash + path)


def is_path(text: str) -> bool:
    """Can this be written into an address as it is, between the server and what follows?"""
    return _PATH.fullmatch(text) is not None


def _short(text: str) -> str:
    return ascii(text if len(text) <= 80 else text[:77] + "...")
