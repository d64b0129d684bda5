"""Bits are flipped one at a time in everything that is kept; a deep verification finds each, and nothing else."""

import random
from dataclasses import replace
from pathlib import Path

from refloat.core.names import Digest
from refloat.usecases import verify
from refloat.usecases.verify import VerifyTerms
from tests.crash.registry import REPOSITORY, Registry
from tools.proof.part import Effort, Outcome, Part

BLOBS = 400
IMAGES = 40
FLIPS_A_ROUND = 100
REPORT = VerifyTerms("bytes", "report", 0)


class Shelf:
    """A registry with content of many sizes, and the bits that were flipped in it."""

    def __init__(self, directory: Path, dice: random.Random) -> None:
        self.dice = dice
        self.registry = Registry(directory)
        self.blobs = [self.registry.blob(dice.randbytes(_size(dice))) for _ in range(BLOBS)]
        for number in range(IMAGES):
            self.registry.image(f"v{number}", dice.randbytes(_size(dice)))
        read = self.registry.metadata.read._execute
        self.keys = [row[0] for row in read("SELECT key FROM blobs ORDER BY key")]
        self.digests = dict(read("SELECT key, digest FROM blobs").fetchall())
        self.manifests = [row[0] for row in read("SELECT digest FROM manifests ORDER BY digest")]

    def flip_file(self, key: str, bit: int) -> None:
        path = self.registry.blobs.path(key)
        with path.open("r+b") as file:
            file.seek(bit // 8)
            (byte,) = file.read(1)
            file.seek(bit // 8)
            file.write(bytes([byte ^ 1 << bit % 8]))

    def flip_body(self, digest: str, bit: int) -> None:
        def turn(tx: object) -> None:
            execute = self.registry.metadata._writer._connection.execute
            (body,) = execute("SELECT body FROM manifests WHERE digest = ?", (digest,)).fetchone()
            turned = bytearray(body)
            turned[bit // 8 % len(turned)] ^= 1 << bit % 8
            execute("UPDATE manifests SET body = ? WHERE digest = ?", (bytes(turned), digest))

        self.registry.write(turn)

    def found(self) -> set[str]:
        done = verify.verify(self.registry.metadata, self.registry.blobs, REPORT, lambda _: None)
        return {finding.name for finding in done.findings}


def run(effort: Effort) -> Outcome:
    """Flip bits, a hundred files or bodies at a time, and compare what is found with what was flipped."""
    shelf, outcome = Shelf(effort.directory, random.Random(effort.seed)), Outcome()
    for _ in range(effort.times(100)):
        _round(shelf, outcome)
    _heal(shelf, outcome)
    shelf.registry.close()
    return outcome


def run_planted(effort: Effort) -> Outcome:
    """The same, while a verification only looks at sizes."""
    global REPORT
    honest, REPORT = REPORT, replace(REPORT, depth="sizes")
    try:
        return run(replace(effort, scale=min(effort.scale, 0.02)))
    finally:
        REPORT = honest


def _round(shelf: Shelf, outcome: Outcome) -> None:
    dice = shelf.dice
    keys = dice.sample(shelf.keys, FLIPS_A_ROUND - 10)
    files = [(key, dice.randrange(8 * shelf.registry.blobs.path(key).stat().st_size)) for key in keys]
    bodies = [(digest, dice.randrange(8 * 200)) for digest in dice.sample(shelf.manifests, 10)]
    _flip(shelf, files, bodies)
    flipped = {shelf.digests[key] for key in keys} | {digest for digest, _ in bodies}
    found = shelf.found()
    outcome.tried += len(flipped)
    for digest in flipped - found:
        outcome.lose(f"a flipped bit in {digest} was not found")
    for digest in found - flipped:
        outcome.lose(f"{digest} is whole and was called damaged")
    _flip(shelf, files, bodies)


def _flip(shelf: Shelf, files: list[tuple[str, int]], bodies: list[tuple[str, int]]) -> None:
    for key, bit in files:
        shelf.flip_file(key, bit)
    for digest, bit in bodies:
        shelf.flip_body(digest, bit)


def _heal(shelf: Shelf, outcome: Outcome) -> None:
    """One bit in a file for good: it is marked, refused, and brought back by the next push of the same bytes."""
    registry, digest = shelf.registry, shelf.blobs[0]
    key = next(key for key, named in shelf.digests.items() if named == digest)
    content = registry.blobs.path(key).read_bytes()
    shelf.flip_file(key, 0)
    verify.verify(registry.metadata, registry.blobs, replace(REPORT, act="repair"), lambda _: None)
    if registry.metadata.read.blob(REPOSITORY, digest, registry.now) is not None:
        outcome.lose(f"{digest} is damaged and still served")
    registry.blob(content)
    if shelf.found() or registry.metadata.read.blob(REPOSITORY, Digest(digest), registry.now) is None:
        outcome.lose(f"{digest} was pushed again and is not whole")


def _size(dice: random.Random) -> int:
    return dice.choice((1, 2, 100, 4096, 4097, 70_000))


PART = Part(
    name="verify",
    counts="flipped bits",
    run=run,
    planted="a verification that compares sizes only",
    run_planted=run_planted,
)
