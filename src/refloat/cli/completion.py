"""`refloat completion`: a script that completes verbs and options in a shell."""

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a completion script.

    bash:  refloat completion bash > ~/.local/share/bash-completion/completions/refloat
    """
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(ctx.find_root().command, {}, "refloat", "_REFLOAT_COMPLETE").source())
