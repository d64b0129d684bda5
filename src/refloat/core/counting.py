"""How many of a thing, in a sentence of the server."""


def counted(count: int, one: str, many: str) -> str:
    """Write a count with what follows it: `1 reference moved`, `2 references moved`."""
    return f"{count:,} {one if count == 1 else many}"
