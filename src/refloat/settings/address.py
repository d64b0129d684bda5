"""`host:port` as Go's net package reads it."""

MAX_PORT = 65_535
MAX_LABEL = 63  # characters between two dots of a name


def split(text: str) -> tuple[str, int]:
    """Return host and port; an empty host is every interface. Raises ValueError with a sentence."""
    host, colon, port = text.rpartition(":")
    if not colon:
        raise ValueError(f"{text!r} has no port")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"{text!r} has too many colons: an IPv6 address goes in brackets, [::1]:5000")
    elif host and not all(0 < len(label) <= MAX_LABEL for label in host.removesuffix(".").split(".")):
        raise ValueError(f"{text!r} names no host: between two dots are 1 to {MAX_LABEL} letters")
    if not (port.isascii() and port.isdigit() and len(port) <= len("65535") and int(port) <= MAX_PORT):
        raise ValueError(f"{text!r} has no port between 0 and {MAX_PORT}")
    return host, int(port)
