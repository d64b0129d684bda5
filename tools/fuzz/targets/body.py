"""The body of a management request, of each form there is: the first byte says which."""

import json
from pathlib import Path
from random import Random

from tools.fuzz import growing
from tools.fuzz.target import Target, Try, Verdict

FIELDS = (
    "dry_run", "reason", "on_conflict", "as", "reference", "images", "untagged", "repositories", "older_than_seconds",
    "scope", "revision", "at", "name", "x", "DRY_RUN", "digest", "token", "block",
)  # fmt: skip
TEXTS = (
    "v1", "team/app", "team/app:v1", "team/**:pr-*", "team/app@sha256:" + "a" * 64, "refuse", "skip",
    "replace", "image", "tag",
    "2026-11-20T14:00:00Z", "2026-11-20T24:00:00+99:00", "sha256:" + "b" * 64, "sha256:abcdef1", "a" * 201, "*" * 500,
    "push", "push,delete", "abcdefghij", "team/app:7", "team/app:x", "ABC", "tEam:1",
)  # fmt: skip


def grow(dice: Random) -> bytes:
    """Return an object with some of the fields that some form has."""
    if dice.random() < 0.002:
        many = growing.long_of(dice, ("[", '{"images":', '{"a":', "[1,", '"a",'))
        return bytes([dice.randrange(256)]) + many.encode()
    fields = {dice.choice(FIELDS): value(dice) for _ in range(dice.randrange(4))}
    return bytes([dice.randrange(256)]) + growing.encoded(fields)


def value(dice: Random) -> object:
    """Return a value that some field may have."""
    chance = dice.random()
    if chance < 0.6:
        return dice.choice(TEXTS)
    if chance < 0.8:
        return [dice.choice(TEXTS) for _ in range(dice.randrange(1200) if dice.random() < 0.01 else dice.randrange(4))]
    return dice.choice((True, False, 0, 3600, None, 2**31, -1, 1.5))


def alter(dice: Random, data: bytes) -> bytes:
    """Change some values of a body, and sometimes its bytes."""
    if dice.random() < 0.1:
        return growing.spliced(dice, data, ('"', "{", "[", "\\ud800", "1e999", ":", ","))
    return data[:1] + growing.json_altered(dice, data[1:], value)


def open_(place: Path) -> Try:
    """Return what reads a body of each form, and what the words in it mean."""
    from refloat.core.errors import RefloatError
    from refloat.web import management_requests as requests
    from refloat.web.management_queries import ChangesQuery, read_query
    from tools.fuzz.application import Application

    application = Application(place)
    read = application.reader
    forms = (requests.UndoBody, requests.RemoveBody, requests.RestoreBody, requests.CollectBody)

    def attempt(data: bytes) -> Verdict:
        switch, body = (data[0], data[1:]) if data else (0, b"")
        try:
            found = requests.decode(body, forms[switch % len(forms)])
            _said(found)
        except RefloatError:
            return "refused" if _is_object(body) else "syntax"
        return "accepted"

    def _said(found: object) -> None:
        requests.narrowing(read_query({"kind": "push"}, ChangesQuery))
        requests.moved_place(None)
        for text in _texts(found):
            for means in (requests.change_prefix, requests.moved_place, lambda name: _seen(name)):
                try:
                    means(text)
                except (RefloatError, ValueError):
                    continue

    def _seen(name: str) -> None:
        from refloat.core.names import RepositoryName

        requests.refuse_missing(read, RepositoryName.parse(name))

    return attempt


def _texts(found: object) -> list[str]:
    fields = [getattr(found, name) for name in getattr(found, "__struct_fields__", ())]
    return [text for text in fields if isinstance(text, str)][:3]


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False


TARGET = Target(
    name="body",
    modules=("refloat.web.management_requests",),
    grow=grow,
    alter=alter,
    open=open_,
    planted=("refloat.web.management_requests", "decode"),
)
