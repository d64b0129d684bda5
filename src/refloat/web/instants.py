"""Instants on the wire as RFC 3339 writes them."""

import re
from datetime import UTC, datetime, timedelta

from refloat.core.errors import RequestInvalid
from refloat.core.names import printable

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[Zz]|[+-]\d\d:\d\d)")


def instant(text: str | None) -> int | None:
    """Return an RFC 3339 instant as microseconds since 1970. Raises RequestInvalid."""
    if text is None:
        return None
    try:
        if not _RFC3339.fullmatch(text):
            raise ValueError(text)
        moment = datetime.fromisoformat(text.upper())
        return (moment - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        raise RequestInvalid(f"{printable(text)} is not an instant as RFC 3339 writes it") from None


def rfc3339(at: int) -> str:
    """Write microseconds since 1970 as an RFC 3339 instant in UTC."""
    return (_EPOCH + timedelta(microseconds=at)).isoformat(timespec="microseconds").replace("+00:00", "Z")
