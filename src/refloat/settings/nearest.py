"""The known word somebody probably meant."""

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean X?`, or nothing when no known word is close."""
    import difflib  # only people who mistype pay for it

    close = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.7)
    return f"; did you mean {close[0]}?" if close else ""
