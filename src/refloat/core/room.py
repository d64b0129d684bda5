"""Room on the disk: what a push takes of it, and what is told where there is too little. Sizes are bytes."""

ENOUGH = 16 << 20
"""What a person is asked to make free where nothing can make room by itself."""
LEAST = 1 << 20
"""With less, and nothing kept back, a delete may find the disk full."""
A_PUSH = 64 << 10  # the rows of a push beside its manifest: in the database's log, and again in its file
SHORTEST = 75  # a descriptor: its digest alone
A_DESCRIPTOR = 1 << 10  # the row of a descriptor and its places in the indexes, measured, in both as well

AT_RESERVE = "the disk has no room for this beside its reserve: nothing was stored; pulls, deletes and undo still work"
NO_ROOM = (
    "the disk is full: nothing was stored; pulls still work, and deletes may need 16 MiB that somebody makes free on"
    " the server's disk; then they work, without a restart"
)
FULL = "the disk is full: nothing was stored; pulls still work"
NOTHING_LEFT = (
    "the disk is full and nothing was changed: no room is kept back, and no bytes are due to be removed; pulls still"
    " work. Free 16 MiB on the server's disk: then deletes work again, without a restart"
)
TOO_LARGE = "a file would become larger than the server's disk or limits allow: nothing was stored; pulls still work"


def of_manifest(body: bytes) -> int:
    """Return how much room a manifest may take in the database and its log."""
    named = body.count(b'"digest"') + body.count(b'"blobSum"')
    descriptors = len(body) // SHORTEST if b"\\u" in body else named  # a name may be spelled with escapes
    return 2 * len(body) + descriptors * A_DESCRIPTOR + A_PUSH


def refusal(free: int, kept_back: int) -> str:
    """Return what a push is told that would not leave the reserve; `free` is all that the disk has."""
    return AT_RESERVE if free + kept_back >= LEAST else NO_ROOM
