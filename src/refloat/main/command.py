"""`refloat serve`: from flags to a running server. Parts are imported when they are needed."""

import gc
import os
import sys
from pathlib import Path

import click

from refloat import __version__
from refloat.main.place import Directory
from refloat.main.refusing import FAILED, StartRefused, complain, complain_of
from refloat.settings import Flags, Loaded, SettingsRefused, load


@click.command()
@click.argument("config", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--root", type=Directory(), help="Keep images in this directory.")
@click.option("--listen", metavar="HOST:PORT", help="Listen here; port 0 takes a free one.")
@click.option("--check-config", is_flag=True, help="Say what the configuration does, and do not start.")
@click.option("--ready-fd", type=int, hidden=True, help="Write the address to this descriptor when listening.")
def serve(config: Path | None, root: Path | None, listen: str | None, *, check_config: bool, ready_fd: int | None
          ) -> None:  # fmt: skip
    """Run the registry.

    CONFIG is a config.yml as `registry serve` reads it; REGISTRY_* variables go before it, and --root and
    --listen before both. Without any of them images are kept in ~/.local/share/refloat and 127.0.0.1:5000
    is listened on.
    """
    try:
        loaded = load(config, os.environ, Flags(root, listen))
        if check_config:
            _tell(loaded)
        else:
            _run(loaded, ready_fd)
    except SettingsRefused as refused:
        complain_of(refused.refusals)
        sys.exit(FAILED)
    except StartRefused as refused:
        complain(refused.sentence, refused.hint)
        sys.exit(refused.code)


def _tell(loaded: Loaded) -> None:
    from refloat.main.directory import examine

    for notice in loaded.notices:
        click.echo(f"notice: {notice}")
    examine(loaded.settings)
    settings = loaded.settings
    click.echo(f"ok: images in {settings.root}, listening on {settings.address or '*'}:{settings.port}")


def _run(loaded: Loaded, ready_fd: int | None) -> None:
    gc.disable()  # what a start makes stays: looking for garbage among it is a twentieth of the time
    from refloat.main import logs, running

    logs.configure(loaded.settings)
    log = logs.logger("serve")
    for notice in loaded.notices:
        log.warning("%s", notice)
    with running.prepared(loaded.settings) as prepared:
        if prepared.is_open_to_others:
            log.warning("other machines can reach this address, and there is no access control yet: "
                        "anybody who does may push and delete")  # fmt: skip
        log.info("refloat %s listening on %s", __version__, prepared.url, extra={"root": str(loaded.settings.root)})
        if ready_fd is not None:
            os.write(ready_fd, f"{prepared.url}\n".encode())
            os.close(ready_fd)
        gc.freeze()  # nor is it looked through later: workers share its memory for as long as nobody does
        gc.enable()
        prepared.serve()
