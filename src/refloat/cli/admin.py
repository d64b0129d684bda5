"""The admin token of a server, for verbs that nothing takes back: who can read the server's directory has it."""

import os
from pathlib import Path

from refloat.cli.problems import Exit, Problem
from refloat.cli.session import Session
from refloat.client.refloat import Refloat
from refloat.language import say

VARIABLE = "REFLOAT_ADMIN_TOKEN_FILE"
LARGEST = 4096  # bytes of a token


def admit(session: Session, server: Refloat, root: Path | None) -> None:
    """Show a server its admin token: from `--root`, else the file REFLOAT_ADMIN_TOKEN_FILE names.

    For a server on this machine also from where `refloat serve` keeps images by itself. Raises Problem.
    """
    path = _file(server, root)
    if path is None:
        raise _missing(say("{server} asks for its admin token", server=server.origin.netloc))
    try:
        token = _read(path).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else say("it is not a token")
        raise _missing(say("{path} cannot be read: {reason}", path=path, reason=reason)) from None
    server.act_as_admin(token)


def is_named(root: Path | None) -> bool:
    """Was it said where the token is, by `--root` or REFLOAT_ADMIN_TOKEN_FILE?"""
    return root is not None or bool(os.environ.get(VARIABLE))


def _read(path: Path) -> bytes:
    """Return a token. No link is followed from a server's directory: its owner could have any file sent to a server."""
    said = os.environ.get(VARIABLE)
    links = 0 if said and path == Path(said) else os.O_NOFOLLOW
    with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | links), "rb") as file:
        return file.read(LARGEST)


def _file(server: Refloat, root: Path | None) -> Path | None:
    if root is not None:
        return root / "refloat" / "admin.token"
    if said := os.environ.get(VARIABLE):
        return Path(said)
    if not server.origin.is_loopback:
        return None  # the token of this machine's server is no other's business
    data = os.environ.get("XDG_DATA_HOME")
    return Path(data or Path.home() / ".local" / "share") / "refloat" / "refloat" / "admin.token"


def _missing(message: str) -> Problem:
    return Problem(
        message,
        Exit.NOT_ALLOWED,
        hint=say("--root DIR, the directory the server keeps images in; or {variable}", variable=VARIABLE),
        code="DENIED",
    )
