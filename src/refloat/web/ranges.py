"""Byte ranges of requests: one range is served, several or a misspelt one mean the whole. RFC 9110 section 14."""

import re
from dataclasses import dataclass
from typing import Literal

from refloat.core.errors import BlobUploadInvalid

_RANGE = re.compile(rb"bytes=(\d{0,19})-(\d{0,19})")
_CONTENT_RANGE = re.compile(r"(?:bytes[ =])?(\d{1,19})-(\d{1,19})(?:/(?:\d+|\*))?")


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes from `start` up to but not including `end`."""

    start: int
    end: int


def span_of(header: bytes | None, size: int) -> Span | Literal["whole", "unsatisfiable"]:
    """Return what a Range header asks of a blob of `size` bytes."""
    match = _RANGE.fullmatch(header.replace(b" ", b"")) if header else None
    if match is None or match.group(1, 2) == (b"", b""):
        return "whole"
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
        return Span(start, end) if start < end else "unsatisfiable"
    start, end = int(first), min(size, int(last) + 1) if last else size
    return Span(start, end) if start < end else "unsatisfiable"  # also a reversed one, as the suite asks


def content_range(text: str) -> Span | None:
    """Return the part of an upload a chunk says it is. Raises BlobUploadInvalid. Spec: "Pushing a blob in chunks"."""
    if not text:
        return None
    match = _CONTENT_RANGE.fullmatch(text.strip())
    if match is None or int(match[2]) < int(match[1]):
        raise BlobUploadInvalid("Content-Range is not <start>-<end>")
    return Span(int(match[1]), int(match[2]) + 1)
