"""The query of a list: tags, catalog, referrers, and of the management API, asked of the whole application."""

from pathlib import Path
from random import Random
from urllib.parse import quote

from tools.fuzz import growing
from tools.fuzz.application import LARGE, MANY
from tools.fuzz.target import Target, Try, Verdict, must

LISTS = (
    "/v2/team/app/tags/list", "/v2/_catalog", "/v2/team/app/referrers/sha256:" + "a" * 64,
    "/v2/_refloat/v1/changes", "/v2/_refloat/v1/trash", "/v2/_refloat/v1/repositories",
    "/v2/_refloat/v1/repositories/team/app/images", "/v2/_refloat/v1/repositories/team/app/history",
    "/v2/_refloat/v1/repositories/team/app/image", "/v2/nothing/tags/list",
)  # fmt: skip
LONG = ("/v2/team/app/referrers/" + MANY, "/v2/team/app/referrers/" + LARGE)
FIRST_LONG = 254  # of a first byte: these take long, and are asked for rarely, of a registry of their own
NAMES = (
    "n", "last", "artifactType", "repository", "by", "since", "kind", "before", "after", "reference", "which", "N", "x",
    "page",
)  # fmt: skip
VALUES = (
    "1", "0", "-1", "100", "1000", "1001", "10000000000", "9" * 40, "v1", "team/app", "", "a b", "é", "\x00", "\ud800",
    "push", "push,delete", "2026-11-20T14:00:00Z", "abcdefghij", "sha256:" + "a" * 64, "tagged", "0x10", "1e3",
    "\u0661", "application/vnd.example.note", "v2", "team/app:5", "a" * 300,
)  # fmt: skip


def grow(dice: Random) -> bytes:
    """Return which list, in the first byte, and a query."""
    if dice.random() < 0.002:
        query = growing.long_of(dice, ("n=1&", "last=a&", "%", "=", "&", "x", "%41"))
    else:
        fields = [(dice.choice(NAMES), _value(dice)) for _ in range(dice.randrange(5))]
        query = "&".join(f"{name}={quote(value.encode('utf-8', 'surrogatepass'))}" for name, value in fields)
    switch = dice.randrange(FIRST_LONG, 256) if dice.random() < 0.004 else dice.randrange(len(LISTS))
    return bytes([switch]) + query.encode()


def _value(dice: Random) -> str:
    return dice.choice(VALUES) if dice.random() < 0.8 else growing.text(dice, "abc:/._-019 %", 40)


def alter(dice: Random, data: bytes) -> bytes:
    """Splice pieces into a query."""
    return data[:1] + growing.spliced(dice, data[1:], ("n=", "&", "last=", "%", "%zz", "=", ";", "+", "9", "before="))


def open_(place: Path) -> Try:
    """Return what asks a registry that has some images, or one with long lists of referrers, for those.

    Every answer is 200 or says what is wrong.
    """
    from tools.fuzz.application import Application

    few, many = Application(place / "few"), Application(place / "many")
    many.lengthen()

    def attempt(data: bytes) -> Verdict:
        switch = data[0] if data else 0
        is_long = switch >= FIRST_LONG
        path = LONG[switch - FIRST_LONG] if is_long else LISTS[switch % len(LISTS)]
        query = data[1:].replace(b"#", b"").replace(b" ", b"+")
        status, body = (many if is_long else few).ask("GET", path, query)
        must(status < 500, (status, path, query, body[:200]))
        if not _is_query(query):
            return "syntax"
        return "accepted" if status == 200 else "refused"

    return attempt


def _is_query(query: bytes) -> bool:
    return all(33 <= byte < 127 for byte in query)


TARGET = Target(
    name="query",
    modules=("refloat.web.listings", "refloat.web.management_queries"),
    grow=grow,
    alter=alter,
    open=open_,
    planted=("refloat.web.asgi", "parse_qs"),
)
