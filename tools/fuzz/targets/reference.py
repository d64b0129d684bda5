"""A repository's name and a reference, as a path has them: `NAME@REFERENCE` in the input."""

from pathlib import Path
from random import Random

from tools.fuzz import growing
from tools.fuzz.target import Target, Try, Verdict, must

PIECES = (
    "team", "/", "app", ".", "_", "__", "-", "--", "..", "v1", "latest", "sha256:", "a" * 64, "b" * 128, "A", "@",
    "%2f", " ", "\x00", "é", "sha256-" + "c" * 64, ".sig", ".att", "0", "a" * 255, ":",
)  # fmt: skip


def grow(dice: Random) -> bytes:
    """Return something like a name and something like a reference."""
    chance = dice.random()
    if chance < 0.003:
        return f"team/app@{growing.long_of(dice, PIECES)}".encode()[: 64 * 1024]
    name = "/".join(growing.text(dice, "ab0.-", 100) or "a" for _ in range(1 + dice.randrange(3)))
    if chance < 0.3:
        name = "".join(dice.choice(PIECES[:9]) for _ in range(1 + dice.randrange(6)))
    if chance < 0.6:
        reference = "".join(dice.choice(PIECES[3:]) for _ in range(1 + dice.randrange(3)))
    else:
        reference = dice.choice((growing.text(dice, "aBc0._-", 128), f"sha256:{dice.getrandbits(256):064x}"))
    return f"{name}@{reference}".encode()


def alter(dice: Random, data: bytes) -> bytes:
    """Splice pieces into both."""
    return growing.spliced(dice, data, PIECES)


def open_(place: Path) -> Try:
    """Return what reads a name and a reference; what is accepted is what was said."""
    from refloat.core import names
    from refloat.core.errors import RefloatError

    def attempt(data: bytes) -> Verdict:
        name, _, reference = data.decode("utf-8", "surrogateescape").partition("@")
        try:
            repository, found = names.RepositoryName.parse(name), names.parse_reference(reference)
        except RefloatError as problem:
            must(problem.message.isprintable(), problem.message)
            return "refused" if name.isascii() and reference.isascii() and name and reference else "syntax"
        must((repository, found) == (name, reference), data)
        must(len(repository) <= 255, data)
        if isinstance(found, names.Digest):
            must(found.fallback_tags[0].subject is not None, data)
            must(names.Digest.of(data, found.algorithm).algorithm == found.algorithm, data)
        elif found.subject is not None:
            must(found.subject.algorithm in names.ALGORITHMS, data)
        return "accepted"

    return attempt


TARGET = Target(
    name="reference",
    modules=("refloat.core.names",),
    grow=grow,
    alter=alter,
    open=open_,
    planted=("refloat.core.names", "parse_reference"),
)
