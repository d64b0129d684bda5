"""What a registry says when it does not do what it was asked. Spec: OCI Distribution 1.1 "Error Codes"."""

import json
from urllib.parse import urlsplit

from refloat.client.errors import ClientError, NotAllowed, Refused, Unreachable
from refloat.client.exchange import AGAIN, Reply
from refloat.client.origin import Origin
from refloat.language import say

LONGEST = 400  # characters of a registry's own words


def refusal(origin: Origin, reply: Reply) -> ClientError:
    """Return the error of an answer that is none of those that were expected."""
    if 300 <= reply.status < 400:
        parts = urlsplit(reply.headers.get("location", ""))
        return Unreachable(
            say(
                "{server} sends its callers to {elsewhere}, which is not followed",
                server=origin.netloc,
                elsewhere=f"{parts.scheme}://{parts.hostname}" if parts.hostname else say("elsewhere"),
            )
        )
    if reply.status in AGAIN and reply.status != 429:
        return Unreachable(say("{server} answers {status}", server=origin.netloc, status=reply.status))
    code, message, detail = errors_in(reply.body)
    if reply.status == 407:
        return NotAllowed(say("{server} does not let you: {status}", server=origin.netloc, status=reply.status))
    said = message or readable(reply.body.decode("utf-8", "replace")) or code
    sentence = say("{server} answers {status}: {said}", server=origin.netloc, status=reply.status, said=said)
    return Refused(reply.status, code or "UNKNOWN", sentence.removesuffix(": "), detail)


def errors_in(body: bytes) -> tuple[str, str, object]:
    """Return code, message and detail of the first error of a body, as far as it has them."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return "", "", None
    errors = document.get("errors") if isinstance(document, dict) else None
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    return readable(str(first.get("code") or "")), readable(str(first.get("message") or "")), first.get("detail")


def readable(text: str) -> str:
    """Return a server's words in one line, without anything that moves a terminal's cursor."""
    words = " ".join(text[: 4 * LONGEST].split())
    return "".join(letter if letter.isprintable() else "?" for letter in words)[:LONGEST]
