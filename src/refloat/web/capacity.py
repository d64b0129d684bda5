"""How much of something the requests of one worker may use at once."""

from types import TracebackType

from refloat.core.errors import Unavailable


class Capacity:
    """Counts what is in use; entered once for each use. Raises Unavailable on entering where all of it is.

    All requests of a worker are on one thread: nothing is locked.
    """

    __slots__ = ("_what", "most", "used")

    def __init__(self, most: int, what: str) -> None:
        self.most = most
        self.used = 0
        self._what = what

    def __enter__(self) -> None:
        if self.used >= self.most:
            raise Unavailable(f"this server has {self.most} {self._what} at once, and they are in use; try again soon")
        self.used += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.used -= 1
