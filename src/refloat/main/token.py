"""The admin token: who can read the data directory may do what nothing takes back."""

import hmac
import os
import secrets
from pathlib import Path

from refloat import durable
from refloat.core.scarcity import lacking

NAME = "admin.token"
READERS = 0o077  # of a file's mode: everybody but its owner
LARGEST = 4096  # bytes


class AdminToken:
    """The file `admin.token` in ROOT/refloat, mode 0600, made at the first start; whoever replaces it renews it."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / NAME

    def make(self) -> None:
        """Write a token if there is none. Raises StorageFull, Unavailable."""
        if os.path.lexists(self.path):
            return
        fresh = self.path.with_name(f".{NAME}")
        with durable.disk():
            durable.unlink(fresh)  # of a start that was cut off
            file = durable.create(fresh)
            try:
                durable.write(file, f"{secrets.token_urlsafe(32)}\n".encode())
                durable.fsync(file)
            finally:
                os.close(file)
            durable.rename(fresh, self.path)
            durable.fsync_directory(self.path.parent)

    @property
    def is_open_to_others(self) -> bool:
        """May others than its owner read it?"""
        return bool(self.path.lstat().st_mode & READERS)

    def matches(self, said: str) -> bool:
        """Is `said` the token? None of no length is, and a file that cannot be read has none.

        Raises OSError where the process lacks what it takes to read: that says nothing about the token.
        """
        try:
            token = durable.read_plain(self.path, LARGEST).strip()
        except OSError as problem:
            if lacking(problem):
                raise
            return False
        return len(token) > 0 and hmac.compare_digest(token, said.encode())
