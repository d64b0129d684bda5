"""`refloat verify`: is everything that is kept there, whole, and explained?"""

import json
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from refloat.core.errors import RefloatError
from refloat.main.refusing import FAILED, LOCKED, StartRefused, complain, complain_of
from refloat.ports import BlobShelf, Metadata
from refloat.settings import Flags, Settings, SettingsRefused, load
from refloat.usecases.verify import Finding, Verified, VerifyTerms
from refloat.usecases.verify import verify as verify_all

FOUND = 8
TELL_EVERY = 1000  # blobs between two lines of progress


@click.command()
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), help="The directory the images are in.")
@click.option("--deep", is_flag=True, help="Read every blob and compare its digest.")
@click.option("--repair", is_flag=True, help="Write down what is damaged; the server has to be stopped.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def verify(root: Path | None, *, deep: bool, repair: bool, as_json: bool) -> None:
    """Look whether everything that is kept is there and whole.

    Every live blob's file is looked at, every manifest's digest compared, and every file is looked up in the
    database. It may run while the server does. Nothing is ever removed.

    With --repair a damaged blob is no longer served, so that the next push of it brings it back, and files
    that nothing explains are moved to ROOT/refloat/quarantine. Exits 8 when something was found.
    """
    try:
        settings = load(None, os.environ, Flags(root)).settings
        with _opened(settings, "repair" if repair else "report") as (metadata, blobs):
            from refloat.main.collector import now

            terms = VerifyTerms("bytes" if deep else "sizes", "repair" if repair else "report", now())
            done = verify_all(metadata, blobs, terms, _progress(sys.stderr.isatty() and not as_json))
    except SettingsRefused as refused:
        complain_of(refused.refusals)
        sys.exit(FAILED)
    except StartRefused as refused:
        complain(refused.sentence, "without --repair it may run" if refused.code == LOCKED else refused.hint)
        sys.exit(refused.code)
    except (RefloatError, OSError, sqlite3.Error) as problem:
        complain(str(problem))
        sys.exit(FAILED)
    _print_json(done) if as_json else _print(done, terms)
    sys.exit(FOUND if done.findings else 0)


@contextmanager
def _opened(settings: Settings, act: str) -> Iterator[tuple[Metadata, BlobShelf]]:
    """Open a directory: alone, or to look at it beside its server. Raises StartRefused."""
    from refloat.blobs.filesystem import FileBlobs
    from refloat.main.directory import claim, examine
    from refloat.main.running import update
    from refloat.metadata.store import SqliteMetadata

    if not settings.database.is_file():
        raise StartRefused(f"there is no database at {settings.database}", "--root DIR names a directory with images")
    with ExitStack() as held:
        try:
            held.callback(os.close, claim(settings))
            update(settings)
        except StartRefused as refused:
            if act == "repair" or refused.code != LOCKED:
                raise
            examine(settings)
        blobs = FileBlobs(settings.root / "refloat", settings.reserve)
        held.callback(blobs.close)
        metadata = SqliteMetadata(settings.database, settings.root / "refloat", blobs.make_room)
        held.callback(metadata.close)
        yield metadata, blobs


def _progress(is_watched: bool) -> Callable[[Verified], None]:  # noqa: FBT001
    def tell(done: Verified) -> None:
        if is_watched and done.blobs % TELL_EVERY == 0:
            click.echo(f"\r{done.blobs:,} blobs, {len(done.findings)} findings", nl=False, err=True)

    return tell


def _print(done: Verified, terms: VerifyTerms) -> None:
    from refloat.cli import wording

    for finding in done.findings:
        click.echo(f"{finding.kind}\t{finding.name}\t{finding.detail}")
        for repository, reference in finding.users:
            click.echo(f"\tneeded by {repository}{'@' if ':' in reference else ':'}{reference}")
    depth = "read and compared" if terms.depth == "bytes" else "of the right size"
    click.echo(
        f"{done.blobs:,} blobs ({wording.size(done.size)}) looked at, {done.manifests:,} manifests compared, "
        f"{done.files:,} files looked up"
    )
    if not done.findings:
        click.echo(f"Nothing is wrong: every blob is there and {depth}")
        return
    click.echo("1 finding" if len(done.findings) == 1 else f"{len(done.findings)} findings")
    if terms.act == "repair":
        click.echo(f"  {done.marked} marked as damaged: the next push of each brings it back")
        click.echo(f"  {done.healed} found right again, {done.set_aside} moved to quarantine")
    else:
        click.echo("  refloat verify --repair, with the server stopped, takes them out of service")


def _print_json(done: Verified) -> None:
    document = {
        "schema": "refloat.verify/1",
        "blobs": done.blobs, "bytes": done.size, "manifests": done.manifests, "files": done.files,
        "findings": [_entry(finding) for finding in done.findings],
        "marked": done.marked, "healed": done.healed, "set_aside": done.set_aside,
    }  # fmt: skip
    click.echo(json.dumps(document, indent=2))


def _entry(finding: Finding) -> dict[str, object]:
    users = [{"repository": repository, "reference": reference} for repository, reference in finding.users]
    return {"kind": finding.kind, "name": finding.name, "detail": finding.detail, "needed_by": users}
