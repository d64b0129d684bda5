"""The Link header of a registry's list. RFC 8288 section 3; OCI Distribution 1.1 "Listing Tags"."""

from collections.abc import Iterator


def next_in(header: str) -> str | None:
    """Return the target of the first link whose relation is `next`, as it was written; None: there is none."""
    return next((target for target, parameters in _links(header) if _is_next(parameters)), None)


def _links(header: str) -> Iterator[tuple[str, str]]:
    """Yield target and parameters of each link. A comma within a quoted parameter ends it here: no relation has one."""
    at = header.find("<")
    while at >= 0:
        end = header.find(">", at)
        if end < 0:
            return
        comma = header.find(",", end)
        stop = len(header) if comma < 0 else comma
        yield header[at + 1 : end], header[end + 1 : stop]
        at = header.find("<", stop)


def _is_next(parameters: str) -> bool:
    for parameter in parameters.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "rel":
            return "next" in value.strip().strip('"').lower().split()
    return False
