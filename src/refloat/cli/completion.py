"""`refloat completion`: a script that completes verbs, options and names in a shell."""

import click

from refloat.cli.shells import Bash, Fish, Zsh
from refloat.language import say

SCRIPTS = {kind.name: kind.source_template for kind in (Bash, Zsh, Fish)}


@click.command(
    help=say(
        "Print a completion script. Names of repositories, tags and changes are asked of the server."
        "\n\n\b\n"
        "bash:  refloat completion bash > ~/.local/share/bash-completion/completions/refloat\n"
        "zsh:   refloat completion zsh > a directory of $fpath, as _refloat\n"
        "fish:  refloat completion fish > ~/.config/fish/completions/refloat.fish"
    )
)
@click.argument("shell", type=click.Choice(list(SCRIPTS)))
def completion(shell: str) -> None:
    click.echo(SCRIPTS[shell], nl=False)
