"""The one door for what people read: a sentence goes in as it is in English and comes out in the reader's language.

    say("{name} does not exist", name=name)

Catalogs are gettext's: `locale/LANGUAGE/LC_MESSAGES/refloat.mo` beside this module, chosen by LANGUAGE, LC_ALL,
LC_MESSAGES and LANG. JSON, ids, and the names of verbs and flags are never translated.
"""

from functools import cache
from pathlib import Path
from typing import Protocol

CATALOGS = Path(__file__).with_name("locale")


class Catalog(Protocol):
    """The two questions a gettext catalog answers."""

    def gettext(self, message: str) -> str: ...

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str: ...


class _English:
    def gettext(self, message: str) -> str:
        return message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return msgid1 if n == 1 else msgid2


@cache
def catalog() -> Catalog:
    """Return the catalog of the reader's language; gettext is imported only where there are catalogs."""
    if not CATALOGS.is_dir():
        return _English()
    from gettext import translation

    return translation("refloat", CATALOGS, fallback=True)


def say(sentence: str, **values: object) -> str:
    """Return a sentence in the reader's language, its `{names}` filled in."""
    translated = catalog().gettext(sentence) if sentence else ""
    return translated.format(**values) if values else translated


def say_counted(one: str, many: str, count: int, **values: object) -> str:
    """Return the sentence for `count` things: `one` and `many` are its English forms, and both may say `{count}`."""
    return catalog().ngettext(one, many, count).format(count=count, **values)
