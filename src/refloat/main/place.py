"""Directories as the command line names them."""

from pathlib import Path
from typing import Any

import click

from refloat.language import say


class Directory(click.Path):
    """A directory's path. Nothing is not taken for the directory one is in: a variable was empty."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, file_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path. Fails where there is none."""
        if value == "":
            self.fail(say("it is empty; . is the directory you are in"), param, ctx)
        return super().convert(value, param, ctx)
