"""`refloat verify`: is everything that is kept there, whole, and explained?"""

import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path

import click

from refloat.cli import wording
from refloat.cli.printing import OutputEnded, Printer
from refloat.cli.printing import now as clock
from refloat.cli.problems import Exit
from refloat.cli.verb import TranslatedCommand
from refloat.language import say
from refloat.main.place import Directory
from refloat.main.refusing import complain, ending_in_words, in_words
from refloat.ports import BlobShelf, Metadata
from refloat.settings import Flags, Settings, load
from refloat.usecases.verify import Act, Finding, Verified, VerifyTerms
from refloat.usecases.verify import verify as verify_all

REPAIRED = ("missing", "damaged", "unknown")  # kinds of findings
TELL_EVERY = 1000  # blobs between two lines of progress


@click.command(cls=TranslatedCommand)
@click.option("--root", type=Directory(), help="The directory the images are in.")
@click.option("--deep", is_flag=True, help="Read every blob and compare its digest.")
@click.option("--repair", is_flag=True, help="Write down what is damaged; the server has to be stopped.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def verify(root: Path | None, *, deep: bool, repair: bool, as_json: bool) -> None:
    """Look whether everything that is kept is there and whole.

    Every live blob's file is looked at, every manifest's digest compared, and every file is looked up in the
    database. It may run while the server does. Nothing is ever removed. A database of another version of refloat
    is refused, and left as it is.

    With --repair a damaged blob is no longer served, so that the next push of it brings it back, and files
    that nothing explains are moved to ROOT/refloat/quarantine. Exits 8 when something was found.
    """
    act: Act = "repair" if repair else "report"
    with ending_in_words(when_locked=say("without --repair it may run")):
        settings = load(None, os.environ, Flags(root)).settings
        with _opened(settings, act) as (metadata, blobs):
            from refloat.main.collector import now

            terms = VerifyTerms("bytes" if deep else "sizes", act, now())
            done = verify_all(metadata, blobs, terms, _ignore if as_json else _progress)
    printer = Printer("json" if as_json else "lines", "never", clock())
    try:
        _print_json(printer, done) if as_json else _print(printer, done, terms)
        printer.finish()
    except OutputEnded as ended:
        if not ended.has_reader_gone:
            complain(str(ended))
            sys.exit(Exit.FAILED)
    sys.exit(Exit.FOUND_PROBLEMS if done.findings else Exit.OK)


@contextmanager
def _opened(settings: Settings, act: Act) -> Iterator[tuple[Metadata, BlobShelf]]:
    """Open a directory: alone to repair it, beside its server to look at it. Raises StartRefused."""
    from refloat.blobs.shelf import FileShelf
    from refloat.main.directory import examine, refuse_empty
    from refloat.main.running import claimed, refuse_other_schema
    from refloat.metadata.store import SqliteMetadata

    refuse_empty(settings)
    examine(settings)
    with in_words(settings.database), claimed(settings) if act == "repair" else nullcontext():
        refuse_other_schema(settings)
        ours = settings.root / "refloat"
        with closing(SqliteMetadata(settings.database, ours, lambda: False)) as metadata:
            yield metadata, FileShelf(ours)


def _ignore(_: Verified) -> None:
    """Tell nobody."""


def _progress(done: Verified) -> None:
    if sys.stderr.isatty() and done.blobs % TELL_EVERY == 0:
        found = f"{len(done.findings):,}"
        click.echo(say("{blobs} blobs, {found} findings", blobs=f"{done.blobs:,}", found=found), err=True)


def _print(printer: Printer, done: Verified, terms: VerifyTerms) -> None:
    for finding in done.findings:
        printer.line(f"{finding.kind}\t{finding.name}\t{finding.detail}")
        for repository, reference in finding.users:
            image = f"{repository}{'@' if ':' in reference else ':'}{reference}"
            printer.line(say("\tneeded by {image}", image=image))
    printer.line(
        say(
            "{blobs} ({size}) looked at, {manifests} compared, {files} looked up",
            blobs=wording.counted(done.blobs, "blob"),
            size=wording.size(done.size),
            manifests=wording.counted(done.manifests, "manifest"),
            files=wording.counted(done.files, "file"),
        )
    )
    if done.healed:
        printer.line(say("{blobs} right again, and served again", blobs=wording.counted(done.healed, "blob")))
    if done.findings:
        _print_found(printer, done, terms)
    elif terms.depth == "bytes":
        printer.line(say("Nothing is wrong: every blob is there and read and compared"))
    else:
        printer.line(say("Nothing is wrong: every blob is there and of the right size"))


def _print_found(printer: Printer, done: Verified, terms: VerifyTerms) -> None:
    printer.line(wording.counted(len(done.findings), "finding"))
    if terms.act == "repair":
        printer.line(say("  {count} marked as damaged: the next push of each brings it back", count=done.marked))
        printer.line(say("  {count} moved to quarantine", count=done.set_aside))
    if before := sum(finding.mark == "stays" for finding in done.findings):
        printer.line(
            say("  {count} out of service since an earlier repair: the next push of each brings it back", count=before)
        )
    if terms.act == "report":
        for line in _hints(done, terms):
            printer.line(f"  {line}")


def _hints(done: Verified, terms: VerifyTerms) -> Iterator[str]:
    """Say what a repair would come to; nothing where it has been done."""
    command = f"refloat verify {'--deep ' if terms.depth == 'bytes' else ''}--repair"
    if any(finding.kind in REPAIRED and finding.mark == "none" for finding in done.findings):
        yield say("{command}, with the server stopped, takes them out of service", command=command)
    if any(finding.mark == "over" for finding in done.findings):
        yield say("{command}, with the server stopped, serves again what is right again", command=command)


def _print_json(printer: Printer, done: Verified) -> None:
    printer.document(
        "verify",
        blobs=done.blobs, bytes=done.size, manifests=done.manifests, files=done.files,
        findings=[_entry(finding) for finding in done.findings],
        marked=done.marked, healed=done.healed, set_aside=done.set_aside,
    )  # fmt: skip


def _entry(finding: Finding) -> dict[str, object]:
    users = [{"repository": repository, "reference": reference} for repository, reference in finding.users]
    return {
        "kind": finding.kind, "name": finding.name, "detail": finding.detail, "needed_by": users,
        "marked": finding.mark != "none",
    }  # fmt: skip
