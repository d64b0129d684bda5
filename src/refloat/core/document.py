"""JSON objects as clients send them, read as the registries written in Go read them. The bytes are never changed.

RFC 8259 section 8.1 asks for UTF-8, section 8.2 leaves open what half of a surrogate pair means. Where either is
broken inside a string, U+FFFD is read in its place: that is what is understood, and what other JSON can repeat.
"""

import re

import msgspec

from refloat.core.errors import ManifestInvalid

MAX_NESTING = 500  # levels of JSON, whatever they mean: every reader of a stored manifest gets through so many
TOO_DEEP = "the manifest is nested deeper than {} levels"
_SURROGATES = re.compile(
    rb"(?<!\\)(?:\\\\)*+\\u[dD](?:[89aAbB][0-9a-fA-F]{2}(\\u[dD][c-fC-F][0-9a-fA-F]{2})|[89a-fA-F][0-9a-fA-F]{2})"
)
"""An escaped pair, or half of one. What stands behind two backslashes is text and no escape."""
_PLACE = re.compile(r" \(byte [0-9]+\)")


def read(body: bytes) -> dict[str, object]:
    """Return the JSON object that a body is. Raises ManifestInvalid with a sentence."""
    try:
        document = _decode(body)
    except RecursionError:
        raise ManifestInvalid(TOO_DEEP.format(MAX_NESTING)) from None
    except msgspec.ValidationError:  # of a document without a schema there is nothing else to validate
        raise ManifestInvalid("the manifest has a number that is out of range") from None
    except msgspec.DecodeError as problem:
        raise ManifestInvalid(f"the manifest is not JSON: {problem}") from None
    if not isinstance(document, dict):
        raise ManifestInvalid("the manifest is not a JSON object")
    return document


def _decode(body: bytes) -> object:
    """Decode a body. Raises RecursionError, msgspec.DecodeError."""
    try:
        return msgspec.json.decode(body)
    except (UnicodeDecodeError, msgspec.DecodeError):
        mended = _SURROGATES.sub(_whole, body.decode("utf-8", "replace").encode())
        if mended == body:
            raise
    try:
        return msgspec.json.decode(mended)
    except msgspec.DecodeError as problem:
        if len(mended) == len(body):
            raise
        raise type(problem)(_PLACE.sub("", str(problem))) from None  # the place is one in what was mended


def _whole(found: re.Match[bytes]) -> bytes:
    """Return an escaped pair as it is, and half of one as U+FFFD."""
    return found[0] if found[1] else found[0][:-4] + b"fffd"
