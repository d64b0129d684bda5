"""A dry run is the plan: the same work, in the same transaction, which is then given back."""

from collections.abc import Callable
from typing import Generic, TypeVar

from refloat.ports import Metadata, Transaction

T = TypeVar("T")


class _Planned(Exception, Generic[T]):  # not an error: it carries the plan out of the transaction
    def __init__(self, result: T) -> None:
        super().__init__()
        self.result = result


async def preview(metadata: Metadata, work: Callable[[Transaction], T]) -> T:
    """Return what `work` would do; nothing of it is kept. Raises what `work` raises."""

    def plan(tx: Transaction) -> T:
        raise _Planned(work(tx))

    try:
        return await metadata.write(plan)
    except _Planned as planned:
        return planned.result  # type: ignore[no-any-return]
