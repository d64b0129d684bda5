"""Three small worlds of manifests, every history of a few requests in them, and what must hold after each.

Worlds: images with an index, tags on both; an index in an index; an image with a referrer and a signature.
"""

from collections.abc import Iterator

from refloat.core.names import Digest, Reference, Tag
from tests.models.book import Book, Entry, History
from tests.models.verbs import Verb, World, image, index

FIRST, SECOND = image("first"), image("second")
A, B = Digest.of(FIRST), Digest.of(SECOND)
INDEX = index(A, B)
I = Digest.of(INDEX)  # noqa: E741 - the traces read better so
OUTER = index(I)
O = Digest.of(OUTER)  # noqa: E741
SBOM, SIGNATURE = image("sbom", A), image("signature")
R, S = Digest.of(SBOM), Digest.of(SIGNATURE)
T, U, SIG = Tag("t"), Tag("u"), A.fallback_tags[1]
NAMES: dict[Reference, str] = {A: "A", B: "B", I: "I", O: "O", R: "R", S: "S", SIG: "A.sig"}

WORLDS = {
    "images and an index": World({A: FIRST, B: SECOND, I: INDEX}, {T: (A, B, I), U: (A, I)}, NAMES),
    "an index in an index": World({A: FIRST, I: INDEX, O: OUTER}, {T: (A, I, O)}, NAMES),
    "a referrer and a signature": World({A: FIRST, R: SBOM, S: SIGNATURE}, {T: (A,), SIG: (S,)}, NAMES),
}


def histories(world: World, depth: int) -> Iterator[tuple[tuple[Verb, ...], History, History]]:
    """Yield each way to make one more change: the requests, the history before and after the last one."""
    layer: dict[History, tuple[Verb, ...]] = {History(): ()}
    for _ in range(depth):
        following: dict[History, tuple[Verb, ...]] = {}
        for before, way in layer.items():
            for verb in world.verbs(before):
                after = world.do(before, verb)
                if after is not None:
                    yield (*way, verb), before, after
                    following.setdefault(after, (*way, verb))
        layer = following


def open_ends(world: World, history: History) -> list[str]:
    """Return the tags and children that point to nothing."""
    book = Book(history, world.manifests)
    missing = [f"{reference} -> {digest}" for reference, digest in history.tips if digest not in book.tips]
    for reference in book.tips:
        if isinstance(reference, Digest):
            missing += [f"{reference} has {child}" for child in book.children(reference) if child not in book.tips]
    return missing


def needed(world: World, history: History, reference: Reference) -> bool:
    """Is this a child that came after its index, which is live?"""
    return isinstance(reference, Digest) and bool(Book(history, world.manifests).live_parents(reference))


def brings_a_first_push(entry: Entry) -> bool:
    return entry.kind == "push" and any(move.old is None and isinstance(move.reference, Digest) for move in entry.moves)


def check_way_back(world: World, told: str, before: History, after: History) -> None:
    """Undo right after a change is the way back; a first push leaves only what a live index needs."""
    first = brings_a_first_push(after.log[-1])
    back = world.take_back(after, len(before.log))
    if back is None:
        moved = [move.reference for move in after.log[-1].moves]
        assert first, f"{told}: cannot be taken back at once"
        assert all(needed(world, after, reference) for reference in moved), f"{told}: cannot be taken back at once"
        return
    assert not open_ends(world, back), f"{told} > undo"
    stayed = dict(back.tips - before.tips)
    assert all(first and needed(world, back, reference) for reference in stayed), f"{told} > undo"
    assert first or back.tips == before.tips, f"{told} > undo"
    again = world.take_back(back, len(after.log))
    assert again is not None, f"{told} > undo: cannot be taken back at once"
    assert again.tips == after.tips, f"{told} > undo > undo of that"


def check(world: World, depth: int) -> int:
    """Make every history of so many requests. Returns how many changes were made. Raises AssertionError."""
    count = 0
    for way, before, after in histories(world, depth):
        told = world.tell(way)
        assert not open_ends(world, after), told
        check_way_back(world, told, before, after)
        count += 1
    return count
