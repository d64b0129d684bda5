"""A digest, as the path of a blob has it, and everything that is derived from one."""

from pathlib import Path
from random import Random

from tools.fuzz import growing
from tools.fuzz.target import Target, Try, Verdict, must

PIECES = (
    "sha256", "sha512", ":", "a" * 64, "0" * 128, "f", "G", "sha256-", ".sig", "blake3", "\n", "\x00", "A" * 64, "é",
)  # fmt: skip


def grow(dice: Random) -> bytes:
    """Return something like a digest."""
    chance = dice.random()
    if chance < 0.003:
        return growing.long_of(dice, PIECES).encode()[: 64 * 1024]
    if chance < 0.5:
        algorithm, length = dice.choice((("sha256", 64), ("sha512", 128), ("sha256", 63), ("sha1", 40)))
        digits = f"{dice.getrandbits(4 * length):0{length}x}"
        return f"{algorithm}:{digits if dice.random() < 0.8 else digits.upper()}".encode()
    return f"{dice.choice(PIECES)}:{dice.choice(PIECES)}{dice.choice(PIECES)}".encode()


def alter(dice: Random, data: bytes) -> bytes:
    """Splice pieces into a digest."""
    return growing.spliced(dice, data, PIECES)


def open_(place: Path) -> Try:
    """Return what reads a digest, its fallback tags, and the subject they speak about."""
    from refloat.core import names
    from refloat.core.errors import RefloatError

    def attempt(data: bytes) -> Verdict:
        text = data.decode("utf-8", "surrogateescape")
        for other in (names.Tag.parse, names.RepositoryName.parse, names.parse_reference):
            try:
                other(text[:300])
            except RefloatError as problem:
                must(problem.message.isprintable(), problem.message)
        try:
            digest = names.Digest.parse(text)
        except RefloatError as problem:
            must(len(problem.message) < 600, problem.message)
            return "refused" if _looks_like_one(text) else "syntax"
        subjects = {tag.subject for tag in digest.fallback_tags}
        must(len(subjects) == 1, subjects)
        must(names.Digest.of(data, digest.algorithm) != digest, data)
        return "accepted"

    return attempt


def _looks_like_one(text: str) -> bool:
    algorithm, colon, digits = text.partition(":")
    return bool(colon and digits) and algorithm.isalnum()


TARGET = Target(
    name="digest",
    modules=("refloat.core.names",),
    grow=grow,
    alter=alter,
    open=open_,
    planted=("refloat.core.names", "Digest.parse"),
)
