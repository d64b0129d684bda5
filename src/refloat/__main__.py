"""The command `refloat`."""

import os
import sys
from importlib import import_module

from refloat.main.page import page, version

ANSWERS = {"--help": page, "-h": page, "--version": version}


def run() -> None:
    """Run the command line. What needs no verb is answered before anything is imported."""
    answer = ANSWERS.get(sys.argv[1]) if len(sys.argv) == 2 else None
    if answer is not None and "_REFLOAT_COMPLETE" not in os.environ:
        sys.stdout.write(f"{answer()}\n")
        return
    if "_REFLOAT_COMPLETE" in os.environ:
        import_module("refloat.cli.shells")  # which tells click what it answers
    from refloat.main.group import refloat

    refloat(prog_name="refloat")


if __name__ == "__main__":
    run()
