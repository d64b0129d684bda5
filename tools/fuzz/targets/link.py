"""A Link header, as other people's registries answer it with a page of a list."""

from pathlib import Path
from random import Random

from tools.fuzz import growing
from tools.fuzz.target import Target, Try, Verdict, must

PIECES = (
    "<", ">", ";", ",", "rel", "=", '"', "next", "prev", " ", "/v2/a/tags/list?n=1&last=b", "<<", ">;",
    'rel="next"', "\t",
)  # fmt: skip


def grow(dice: Random) -> bytes:
    """Return something like one or more links."""
    if dice.random() < 0.003:
        return growing.long_of(dice, PIECES).encode()[: 64 * 1024]
    links = [
        f"<{growing.text(dice, '/v2a?n=1&%<', 60)}>; {dice.choice(('rel', 'REL', 'title'))}={dice.choice(PIECES)}"
        for _ in range(1 + dice.randrange(4))
    ]
    return ", ".join(links).encode()


def alter(dice: Random, data: bytes) -> bytes:
    """Splice pieces into it."""
    return growing.spliced(dice, data, PIECES)


def open_(place: Path) -> Try:
    """Return what finds the next page; the target it gives was said."""
    from refloat.client import links

    def attempt(data: bytes) -> Verdict:
        header = data.decode("latin-1")
        found = links.next_in(header)
        if found is None:
            return "refused" if "<" in header and ">" in header else "syntax"
        must(f"<{found}>" in header, data)
        return "accepted"

    return attempt


TARGET = Target(
    name="link",
    modules=("refloat.client.links",),
    grow=grow,
    alter=alter,
    open=open_,
    planted=("refloat.client.links", "next_in"),
)
