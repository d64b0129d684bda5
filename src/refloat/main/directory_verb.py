"""Verbs about a data directory, which need no server."""

from typing import Any

import click

from refloat.language import say


class DirectoryVerb(click.Command):
    """A verb about a data directory: its help passes the door of `refloat.language`."""

    def __init__(self, *arguments: Any, **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.help = say(self.help or "")
        for parameter in self.params:
            if isinstance(parameter, click.Option) and parameter.help:
                parameter.help = say(parameter.help)
