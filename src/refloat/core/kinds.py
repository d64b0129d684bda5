"""The kinds of changes, by the intention behind them. Without imports: the command line needs them in every verb."""

from typing import Literal, get_args

ChangeKind = Literal["push", "delete", "rm", "undo", "restore", "purge"]
KINDS: tuple[ChangeKind, ...] = get_args(ChangeKind)
