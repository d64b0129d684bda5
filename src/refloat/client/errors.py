"""What can come of asking a server, apart from an answer."""

from collections.abc import Mapping


class ClientError(Exception):
    """A request that brought no answer one could use. `facts` are lines that explain, `hint` is what helps."""

    def __init__(self, message: str, facts: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts
        self.hint = hint


class BadHost(ClientError):
    """What should name a server does not."""


class Unreachable(ClientError):
    """Nothing answered, or not in a way a registry does."""


class NotRefloat(ClientError):
    """A server answered, and it is not a refloat."""


class NotAllowed(ClientError):
    """The server wants to know who asks, or does not let them."""


class NotLetThrough(NotAllowed, NotRefloat):
    """A server did not let a request for the management API through, and nothing shows that it is a refloat."""


class Broken(ClientError):
    """What came is not what was promised: cut off, another digest, or nothing that can be understood."""


class Refused(ClientError):
    """The server's own error: its code, status, sentence and detail."""

    def __init__(self, status: int, code: str, message: str, detail: object) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.detail: Mapping[str, object] = detail if isinstance(detail, Mapping) else {}
