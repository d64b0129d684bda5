"""A pattern of images, and names it is held against."""

from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from random import Random

from tools.fuzz import growing
from tools.fuzz.target import Target, Try, Verdict, must

PIECES = (
    "*", "**", "?", "a", "b", "team", "/", "app", ":", ".", "-", "_", "v1", "*a", "?*", "aaaa", "A", "[", "\n", "é",
)  # fmt: skip
LETTERS = "ab*?/."


def grow(dice: Random) -> bytes:
    """Return a pattern, and after a line end a name and a tag that nearly fit."""
    chance = dice.random()
    if chance < 0.003:
        return growing.long_of(dice, PIECES).encode()[: 64 * 1024]
    if chance < 0.05:
        stars = "*a" * dice.randrange(1, 60)
        return f"team/app:{stars}b\nteam/app:{'a' * dice.randrange(128)}".encode()
    pattern = f"{growing.text(dice, LETTERS, 250)}:{growing.text(dice, LETTERS, 120)}"
    name, tag = (growing.text(dice, "ab/.", 250), growing.text(dice, "ab.", 120))
    if dice.random() < 0.6:
        name, _, tag = pattern.replace("*", dice.choice(("", "a", "ab"))).replace("?", "a").partition(":")
    return f"{pattern}\n{name}:{tag}".encode()


def alter(dice: Random, data: bytes) -> bytes:
    """Splice pieces into pattern and names."""
    return growing.spliced(dice, data, PIECES)


def open_(place: Path) -> Try:
    """Return what reads a pattern and matches it; of a tag the standard library says the same."""
    from refloat.core import patterns
    from refloat.core.errors import RefloatError
    from refloat.core.names import RepositoryName, Tag

    def attempt(data: bytes) -> Verdict:
        pattern, _, name = data.decode("utf-8", "surrogateescape").partition("\n")
        repository, _, tag = name.partition(":")
        try:
            found = patterns.ImagePattern.parse(pattern)
            with suppress(RefloatError):
                patterns.RepositoryPattern.parse(repository)
            alone = patterns.RepositoryPattern.parse(found.repository)
        except RefloatError:
            return "refused" if pattern.isascii() and pattern.isprintable() and ":" in pattern else "syntax"
        try:
            must(patterns.is_pattern(found.repository) == (found.one_repository is None), data)
        except RefloatError:
            must(not patterns.is_pattern(found.repository), data)
        repository, tag = repository[:255], tag[:128]
        named = RepositoryName(repository)
        must(found.matches_repository(named) == alone.matches_repository(named), data)
        matches = found.matches_tag(Tag(tag))
        if _is_tag(tag) and len(tag) < 40 and found.tag.count("*") < 8:
            must(matches == fnmatchcase(tag, found.tag), (tag, found.tag))
        row = patterns.row_of([Tag("ab"), Tag("v1.0"), Tag(tag if _is_tag(tag) else "a")])
        meant = [*row.texts_ending_at(found.tag_glob.ends_in(row))]
        must((Tag("ab") in meant) == found.matches_tag(Tag("ab")), data)
        must(not _is_tag(tag) or matches == (tag in meant), data)
        must(str(found) == pattern, data)
        must(str(alone) == found.repository, data)
        return "accepted"

    return attempt


def _is_tag(text: str) -> bool:
    if not text:
        return False
    letters = text.replace(".", "").replace("-", "").replace("_", "")
    return letters.isalnum() and text.isascii() and text[0] not in ".-"


TARGET = Target(
    name="pattern",
    modules=("refloat.core.patterns", "refloat.core.globs"),
    grow=grow,
    alter=alter,
    open=open_,
    planted=("refloat.core.patterns", "ImagePattern.parse"),
)
