"""What a person is told when something does not work, and the exit code that goes with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from refloat.client.errors import BadHost, Broken, ClientError, NotAllowed, NotRefloat, Refused, Unreachable


class Exit(IntEnum):
    """Exit codes. Unknown ones mean failure: more may come."""

    OK = 0
    FAILED = 1
    USAGE = 2
    PARTLY = 3
    NOT_ALLOWED = 4
    NOT_CONFIRMED = 5
    NOT_FOUND = 6
    CONFLICT = 7
    FOUND_PROBLEMS = 8
    UNREACHABLE = 9
    INTERRUPTED = 130


@dataclass(eq=False)
class Problem(Exception):
    """Ends a command: `error: message`, indented facts, `hint: what helps`."""

    message: str
    exit: Exit
    facts: tuple[str, ...] = ()
    hint: str = ""
    code: str = "USAGE"
    detail: Mapping[str, object] = field(default_factory=dict)


CODES = {
    "MANIFEST_UNKNOWN": Exit.NOT_FOUND,
    "NAME_UNKNOWN": Exit.NOT_FOUND,
    "CHANGE_UNKNOWN": Exit.NOT_FOUND,
    "CHANGE_GONE": Exit.NOT_FOUND,
    "PURGED": Exit.NOT_FOUND,
    "CHANGE_CONFLICT": Exit.CONFLICT,
    "COLLECTION_STOPPED": Exit.CONFLICT,
    "NAME_INVALID": Exit.USAGE,
    "DIGEST_INVALID": Exit.USAGE,
    "REQUEST_INVALID": Exit.USAGE,
    "DENIED": Exit.NOT_ALLOWED,
    "UNSUPPORTED": Exit.NOT_ALLOWED,
}

RULES = {"index", "pattern", "purge", "repositories"}
"""What the detail of a refusal has where a rule of the registry refuses: a live index, a protected tag, a block, what
other repositories have."""

FLAGS = {
    "as": "--as", "reason": "--reason", "revision": "--rev", "older_than_seconds": "--older-than", "kind": "--kind",
    "images": "REF...", "by": "--by", "reference": "--reference",
}  # fmt: skip
"""What a person says for a field of a request."""

KINDS: Mapping[type[ClientError], Exit] = {
    BadHost: Exit.USAGE,
    Unreachable: Exit.UNREACHABLE,
    NotRefloat: Exit.UNREACHABLE,
    NotAllowed: Exit.NOT_ALLOWED,
    Broken: Exit.FOUND_PROBLEMS,
}


def usage(message: str, hint: str = "") -> Problem:
    """Return the problem of a command line that cannot be meant."""
    return Problem(message, Exit.USAGE, hint=hint)


def problem_of(error: ClientError) -> Problem:
    """Return how a client's error is told where no verb tells it better."""
    if isinstance(error, Refused):
        return _refusal(error)
    kind = next((kind for kind in type(error).__mro__ if kind in KINDS), type(error))
    return Problem(error.message, KINDS.get(kind, Exit.FAILED), error.facts, error.hint, kind.__name__.upper())


def _refusal(error: Refused) -> Problem:
    code = CODES.get(error.code, Exit.FAILED)
    if RULES & set(error.detail) and error.code == "DENIED":  # a rule refuses, not a permission
        code = Exit.CONFLICT
    matches, field = error.detail.get("matches"), str(error.detail.get("field"))
    facts = tuple(str(match) for match in matches) if isinstance(matches, list) else ()
    message = error.message
    if field in FLAGS:
        message = FLAGS[field] + message.removeprefix(field)
    return Problem(message, code, facts, code=error.code, detail=error.detail)
