"""The command line as click sees it: a group that imports a verb when it is called."""

from __future__ import annotations

import sys
from importlib import import_module
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import click

from refloat.language import say
from refloat.main.page import page, verbs, version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from click.shell_completion import CompletionItem


class Verbs(click.Group):
    """Knows its verbs' names without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(verbs())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        verb = verbs().get(cmd_name)
        if verb is None:
            return None
        module, _, name = verb[0].partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command), verb
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Complete a verb, or an option before it, without importing any verb."""
        from click.shell_completion import CompletionItem

        found = [CompletionItem(name, help=say(said)) for name, (_, said) in verbs().items()]
        return [item for item in found if item.value.startswith(incomplete)] + click.Command.shell_complete(
            self, ctx, incomplete
        )

    def get_help(self, ctx: click.Context) -> str:
        return page()

    def main(self, *arguments: Any, **extra: Any) -> Any:
        """Run the command line and end the process. A line that cannot be meant is told of as any other error."""
        words = arguments[0] if arguments and arguments[0] is not None else sys.argv[1:]
        try:
            code = super().main(*arguments, **{**extra, "standalone_mode": False})
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            code = error.exit_code
        except click.ClickException as error:
            _complain(error, as_document=_wants_documents(words))
            code = error.exit_code
        except click.Abort:  # what click makes of an interrupt
            from refloat.main.refusing import INTERRUPTED

            code = INTERRUPTED
        sys.exit(code if isinstance(code, int) else 0)


def _wants_documents(words: Sequence[str]) -> bool:
    """Was JSON asked for, by a line that click could not read to its end?"""
    options = takewhile(lambda word: word != "--", words)
    return bool({"--json", "--jsonl"} & set(options))


def _complain(error: click.ClickException, *, as_document: bool) -> None:
    sentence = " ".join(error.format_message().split()).removesuffix(".")
    sentence, hint = sentence[:1].lower() + sentence[1:], ""
    context = getattr(error, "ctx", None)
    if context is not None:
        hint = say("{command} --help   says how", command=context.command_path)
        if isinstance(error, click.NoSuchOption) and isinstance(context.command, Verbs):
            hint = say("options follow the verb:  refloat VERB {option}", option=error.option_name)
    if as_document:
        from refloat.cli.problems import Exit, Problem
        from refloat.cli.verb import error_document

        sys.stderr.write(error_document(Problem(sentence, Exit(error.exit_code), hint=hint)) + "\n")
        return
    from refloat.main.refusing import complain

    complain(sentence, hint)


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(None, "--version", message=version())
def refloat() -> None:
    """A container registry where delete has an undo."""
