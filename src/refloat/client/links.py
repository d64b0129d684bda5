"""The Link header of a registry's list. RFC 8288 section 3; OCI Distribution 1.1 "Listing Tags"."""


def next_in(link: str) -> str | None:
    """Return the address that a Link header gives as the next one, RFC 8288 section 3. It is read once, to its end."""
    at = 0
    while (begins := link.find("<", at)) >= 0 and (ends := link.find(">", begins)) >= 0:
        at = _place_of(",", link, ends + 1)
        if "next" in _relations(link[ends + 1 : at]):
            return link[begins + 1 : ends]
    return None


def _relations(parameters: str) -> list[str]:
    begins = 0
    while begins <= len(parameters):
        ends = _place_of(";", parameters, begins)
        name, _, value = parameters[begins:ends].partition("=")
        if name.strip().lower() == "rel":
            return value.strip().strip('"').lower().split()
        begins = ends + 1
    return []


def _place_of(mark: str, text: str, at: int) -> int:
    """Return where a mark stands next; one in quotes does not count. Without one it is the end."""
    is_quoted = False
    for place in range(at, len(text)):
        if text[place] == '"':
            is_quoted = not is_quoted
        elif text[place] == mark and not is_quoted:
            return place
    return len(text)
