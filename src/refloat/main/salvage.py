"""`refloat salvage`: what was deleted from a registry:2 and is still there, found without moving in."""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

import click

from refloat.cli import wording
from refloat.cli.printing import Column, Entry, Form, OutputEnded, Printer
from refloat.cli.printing import now as clock
from refloat.cli.problems import Exit, Problem, problem_of, usage
from refloat.cli.verb import TranslatedCommand, asking_options, login
from refloat.client.errors import ClientError
from refloat.client.origin import parse_origin
from refloat.client.registry import Registry
from refloat.core.names import Tag
from refloat.language import say, say_counted
from refloat.main.refusing import StartRefused, complain, ending_in_words
from refloat.main.returning import put_back
from refloat.stock.ledger import Ledger
from refloat.stock.lost import Gone, Lost, gone_in, lost_in
from refloat.stock.saving import save
from refloat.stock.survey import survey
from refloat.stock.tree import INSIDE, Tree
from refloat.stock.wholeness import Inspector

PAGE = 200  # rows whose columns are aligned together
TELL_EVERY = 1000  # counted things between two lines of progress
HEX = re.compile(r"(?:sha(?:256|512):)?([0-9a-f]{7,128})")
COLUMNS = (
    Column("IMAGE", lambda entry: _named(entry)),
    Column("DIGEST", "digest", "digest"),
    Column("PLATFORMS", lambda entry: entry["platforms"] or entry["artifact_type"], "list"),
    Column("SIZE", "bytes", "size"),
    Column("PUSHED", "pushed", "when"),
    Column("DELETED", "deleted", "when"),
    Column("STATE", lambda entry: entry["state"] if entry["is_whole"] else say("not whole")),
)
FIELDS = (
    Column("", "repository"), Column("", "tags", "list"), Column("", "digest"), Column("", "platforms", "list"),
    Column("", "bytes"), Column("", "pushed"), Column("", "deleted"), Column("", "state"), Column("", "from"),
    Column("", lambda entry: [part["digest"] for part in _missing(entry)], "list"),
)  # fmt: skip
TROUBLES = {"missing": "is not there", "size": "has another size", "damaged": "has other bytes"}


@dataclass
class Chosen:
    """What the words of the command line choose, and how many whole and broken images that was.

    The whole ones are kept in `taken` where something is done with them.
    """

    words: Sequence[str]
    act: Literal["looks", "takes"]
    used: set[str] = field(default_factory=set)
    taken: list[Lost] = field(default_factory=list)
    whole: int = 0
    broken: int = 0
    size: int = 0

    def takes(self, image: Lost) -> bool:
        """Does a word mean this image? Without words all are meant."""
        meant = [word for word in self.words if _means(word, image)]
        self.used.update(meant)
        return bool(meant) or not self.words

    def count(self, image: Lost) -> None:
        """Count an image that was taken."""
        if image.parts.missing:
            self.broken += 1
            return
        self.whole += 1
        self.size += image.parts.size
        if self.act == "takes":
            self.taken.append(image)

    @property
    def unused(self) -> list[str]:
        """The words that mean nothing that was found."""
        return [word for word in self.words if word not in self.used]


class Flags(TypedDict):
    """The options of the command."""

    deep: bool
    gone: bool
    oci: Path | None
    to: str | None
    as_tag: str | None
    as_json: bool
    plain_http: bool
    username: str | None
    password_stdin: bool


class SalvageCommand(TranslatedCommand):
    """A command that may ask a server: the options for that come after its own."""

    def __init__(self, *arguments: Any, params: Sequence[click.Parameter] = (), **attributes: Any) -> None:
        super().__init__(*arguments, params=[*params, *asking_options()], **attributes)


@click.command(cls=SalvageCommand)
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.argument("words", metavar="[IMAGE]...", nargs=-1)
@click.option("--deep", is_flag=True, help="Read every blob of what is found and compare its digest.")
@click.option("--gone", is_flag=True, help="List also what is still named and cannot be brought back.")
@click.option("--oci", type=click.Path(path_type=Path), help="Save what is whole as an OCI layout in this directory.")
@click.option("--to", metavar="HOST[:PORT]", help="Push what is whole back into this running registry.")
@click.option("--as", "as_tag", metavar="TAG", help="With --to and one image: the tag that it gets.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def salvage(directory: Path, words: Sequence[str], **flags: Unpack[Flags]) -> None:
    """Find what was deleted from a registry:2 and is still there.

    DIR is the `rootdirectory` of its configuration. Nothing is written there, and the registry may run. IMAGE
    is a repository, REPO:TAG, or the beginning of a digest, as listed; without it everything is shown.

    Do not run `registry garbage-collect` before you are done: it removes for good what this finds.
    """
    oci, to = flags["oci"], flags["to"]
    _insist(words, flags)
    form: Form = "json" if flags["as_json"] else "people" if sys.stdout.isatty() else "lines"
    printer = Printer(form, "auto", clock())
    chosen = Chosen(words, "takes" if oci or to else "looks")
    with ending_in_words(when_locked=""), _asking(), closing(Ledger()) as ledger:
        registry = None if to is None else _registry(to, flags)
        tree = _tree(directory, oci)
        printer.note(say("Do not run `registry garbage-collect`: it removes for good what is listed here."))
        if not survey(tree, ledger, _progress):
            printer.note(say("No blob is in {place}: is it where the registry keeps its images?", place=directory))
        inspector = Inspector(tree, ledger, "bytes" if flags["deep"] or chosen.act == "takes" else "sizes")
        try:
            gone = gone_in(tree, ledger) if flags["gone"] or form == "json" else ()
            _print(printer, chosen, lost_in(tree, ledger, inspector), gone)
            tell = printer.line if form == "people" else printer.note
            if form != "json":
                _summarize(tell, chosen, sum(1 for _ in gone_in(tree, ledger)))
            if oci is not None and chosen.taken:
                save(tree, chosen.taken, oci)
                tell(say("Saved in {place}", place=oci))
            if registry is not None:
                _put_back(tell, registry, (tree, ledger), chosen.taken, flags["as_tag"])
            printer.finish()
        except OutputEnded as ended:
            if not ended.has_reader_gone:
                complain(str(ended))
                sys.exit(Exit.FAILED)
    sys.exit(_ending(chosen))


def _insist(words: Sequence[str], flags: Flags) -> None:
    """Raise UsageError for what cannot be meant."""
    if flags["to"] is not None and not words:
        raise click.UsageError(say("say which images to put back, as they are listed"))
    if flags["as_tag"] is not None and flags["to"] is None:
        raise click.UsageError(say("--as is for an image that is put back: --to HOST"))


def _registry(to: str, flags: Flags) -> Registry:
    origin = parse_origin(to, "allowed" if flags["plain_http"] else "loopback")
    return Registry(origin, login(flags["username"], says_password=flags["password_stdin"]))


def _put_back(
    tell: Callable[[str], None],
    registry: Registry,
    there: tuple[Tree, Ledger],
    images: Sequence[Lost],
    as_tag: str | None,
) -> None:
    if as_tag is not None and len(images) > 1:
        count = f"{len(images):,}"
        raise usage(say("--as gives one image a tag, and {count} are to be put back: name one", count=count))
    tag = None if as_tag is None else Tag.parse(as_tag)
    for image in images:
        tell(say("Put back: {image}", image=put_back(*there, registry, image, tag)))


def _ending(chosen: Chosen) -> Exit:
    if chosen.unused:
        complain(
            say("nothing that was deleted is {words}", words=wording.listed(chosen.unused)),
            say("refloat salvage DIR   lists what there is"),
        )
        return Exit.NOT_FOUND
    return Exit.PARTLY if chosen.act == "takes" and chosen.broken else Exit.OK


@contextmanager
def _asking() -> Iterator[None]:
    """End with words and an exit code where a registry cannot be asked, or refuses."""
    try:
        yield
    except (ClientError, Problem) as error:
        problem = error if isinstance(error, Problem) else problem_of(error)
        complain(problem.message, problem.hint, problem.facts)
        sys.exit(problem.exit)


def _tree(directory: Path, oci: Path | None) -> Tree:
    """Return the tree in a directory. Raises StartRefused where there is none, or where OUT would be in it."""
    tree = Tree.at(directory)
    if tree is None:
        raise StartRefused(
            say("{place} is not there", place=directory / INSIDE),
            say("DIR is what config.yml of the registry calls rootdirectory"),
        )
    if oci is not None and oci.resolve().is_relative_to(directory.resolve()):
        raise StartRefused(say("{place} is in the registry's directory; nothing is written there", place=oci))
    if oci is not None and oci.exists() and (not oci.is_dir() or any(oci.iterdir())):
        raise StartRefused(say("{place} is there and not empty", place=oci), say("--oci takes a new directory"))
    return tree


def _means(word: str, image: Lost) -> bool:
    name, _, rest = word.partition("@")
    digits = HEX.fullmatch(rest or word)
    is_digest = digits is not None and image.digest.partition(":")[2].startswith(digits[1])
    if rest:
        return is_digest and name == image.name
    return is_digest or word == image.name or any(word == f"{image.name}:{tag}" for tag in (*image.tags, image.label))


def _progress(what: str, count: int) -> None:
    if sys.stderr.isatty() and count >= TELL_EVERY and (what == "blobs" or count % TELL_EVERY == 0):
        click.echo(f"\r{count:,} {what} \r", err=True, nl=False)


def _print(printer: Printer, chosen: Chosen, images: Iterator[Lost], gone: Iterable[Gone]) -> None:
    entries = _entries(chosen, images)
    if printer.form == "json":
        printer.long_document("salvage", images=entries, gone=map(_gone, gone))
        return
    page: list[Entry] = []
    widths: Sequence[int] = ()
    for entry in entries:
        page.append(entry)
        if len(page) == PAGE:
            widths, page = _page(printer, page, widths), []
    _page(printer, page, widths)
    for each in gone:
        printer.line(f"{each.repository}\t{','.join(each.tags)}\t{each.digest}\tgone")


def _page(printer: Printer, page: Sequence[Entry], widths: Sequence[int]) -> Sequence[int]:
    if printer.form == "lines":
        printer.table(FIELDS, page)
        return widths
    return printer.grow(COLUMNS, page, widths, _troubles) if page else widths


def _entries(chosen: Chosen, images: Iterator[Lost]) -> Iterator[Entry]:
    for image in images:
        if chosen.takes(image):
            chosen.count(image)
            yield _entry(image)


def _summarize(tell: Callable[[str], None], chosen: Chosen, gone: int) -> None:
    """Say what it comes to."""
    counted = say_counted("{count} image can be brought back", "{count} images can be brought back", chosen.whole)
    tell(f"{counted} ({wording.size(chosen.size)})")
    if chosen.broken:
        tell(say_counted("{count} is not whole", "{count} are not whole", chosen.broken))
    if gone:
        tell(say_counted("{count} more is named and gone: --gone", "{count} more are named and gone: --gone", gone))
    if chosen.whole and chosen.act == "looks":
        tell(say("  --oci OUT saves images, --to HOST puts those back that are named"))


def _named(entry: Entry) -> str:
    tags = entry["tags"]
    name = f"{entry['repository']}{'?' if entry['from'] == 'layers' else ''}"
    return f"{name}:{','.join(map(str, tags))}" if isinstance(tags, list) and tags else name


def _missing(entry: Entry) -> list[dict[str, str]]:
    found = entry["missing"]
    return found if isinstance(found, list) else []


def _troubles(entry: Entry) -> Iterator[str]:
    for part in _missing(entry):
        yield f"  {part['kind']} {part['digest']} {say(TROUBLES[part['trouble']])}"


def _entry(image: Lost) -> Entry:
    return {
        "repository": image.name,
        "from": "links" if image.is_sure else "layers" if image.repository else None,
        "tags": list(image.tags), "label": image.label, "digest": image.digest, "state": image.state,
        "media_type": image.media_type, "artifact_type": image.artifact_type, "subject": image.subject,
        "platforms": list(image.platforms), "bytes": image.parts.size, "created": image.created,
        "pushed": _instant(image.written), "deleted": _instant(image.deleted),
        "is_whole": not image.parts.missing,
        "missing": [
            {"digest": part.digest, "kind": part.kind, "trouble": part.trouble} for part in image.parts.missing
        ],
    }  # fmt: skip


def _gone(gone: Gone) -> Entry:
    return {
        "repository": gone.repository, "tags": list(gone.tags), "digest": gone.digest,
        "deleted": _instant(gone.deleted), "trouble": "damaged" if gone.is_damaged else "missing",
    }  # fmt: skip


def _instant(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
