"""The first page of help, made without importing anything: it is what people wait for most often."""

from importlib import import_module

from refloat import __version__
from refloat.language import say

Verb = tuple[str, str]  # "module:command", and one sentence
SERVER: dict[str, Verb] = {"serve": ("refloat.main.command:serve", "Run the registry.")}
DIRECTORY: dict[str, Verb] = {
    "verify": ("refloat.main.verify:verify", "Look whether everything that is kept is there and whole."),
    "salvage": ("refloat.main.salvage:salvage", "Find what was deleted from a registry:2 and is still there."),
    "compact": ("refloat.main.compact:compact", "Give free pages of the database back, with the server stopped."),
    "clock": ("refloat.main.clock:clock", "Show the clock windows end by, or vouch for it."),
}


def verbs() -> dict[str, Verb]:
    """Return every verb by its name, in the order people are shown."""
    return {**SERVER, **import_module("refloat.cli.commands").COMMANDS, **DIRECTORY}


def version() -> str:
    """Return the line of `--version`."""
    return f"refloat {__version__}"


def page() -> str:
    """Return the text of `refloat --help`."""
    known = verbs()
    width = max(len(name) for name in known)
    lines = [f"  {name:{width}}  {say(sentence)}" for name, (_, sentence) in known.items()]
    return "\n".join(
        [
            say("Usage: refloat VERB [OPTIONS] [ARGUMENTS]"),
            "",
            say("  A container registry where delete has an undo."),
            "",
            say("Verbs:"),
            *lines,
            "",
            say("  refloat VERB --help says more; refloat --version says which this is."),
        ]
    )
