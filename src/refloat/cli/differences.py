"""What differs between two values of a tag, as the API compares them, in words."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from refloat.cli.admin import VARIABLE, admit, is_named
from refloat.cli.printing import Column, Entry
from refloat.cli.session import Session
from refloat.cli.wording import counted, size
from refloat.client.errors import Refused
from refloat.client.refloat import Refloat, name_path
from refloat.language import say

LONGEST = 48  # letters of one value
COLUMNS = (
    Column("OLD SIZE", lambda entry: _of(entry, "old")),
    Column("NEW SIZE", lambda entry: _of(entry, "new")),
    Column("ADDED", lambda entry: _of(entry, "added_bytes")),
)
"""In a pipe: bytes of the old and of the new value, and bytes that only the new one has."""


def all_compared(
    session: Session, server: Refloat, repository: str, entries: Sequence[Entry], root: Path | None
) -> list[Entry]:
    """Return moves with comparisons of their values. Raises Problem, and what client.errors names.

    The admin token is shown to a server that hides something without it, and only where it was said where the token is.
    """
    found = [compared(server, repository, entry) for entry in entries]
    if not is_named(root) or not any(map(has_hidden, found)):
        return found
    admit(session, server, root)
    return [compared(server, repository, entry) if has_hidden(entry) else entry for entry in found]


def has_hidden(entry: Entry) -> bool:
    """Is a value of a config not told, of a move that was compared?"""
    comparison = cast("Entry | None", entry["comparison"])
    images = [] if comparison is None else cast("Sequence[Entry]", comparison["images"])
    return any(setting.get("hidden") for image in images for setting in cast("Sequence[Entry]", image["config"]))


def how_to_see(session: Session, reference: str) -> str:
    """Say how what is hidden is shown."""
    command = session.command("history", reference, "--diff", "--root", "DIR")
    return say(
        "values of what is deleted are shown with the admin token:  {command}   or {variable}",
        command=command,
        variable=VARIABLE,
    )


def compared(server: Refloat, repository: str, entry: Entry) -> Entry:
    """Return a move of history with a comparison of its two values; None where there are not two any more."""
    comparison = None
    if entry["old"] is not None and entry["new"] is not None:
        old, new = str(entry["old"]), str(entry["new"])
        try:
            comparison = server.get(name_path(repository, "comparison"), old=old, new=new)
        except Refused as error:
            if error.code != "MANIFEST_UNKNOWN":
                raise
    return {**entry, "comparison": comparison}


def lines(entry: Entry) -> Iterator[str]:
    """Say what a move changed, for people."""
    comparison = cast("Entry | None", entry["comparison"])
    if comparison is None:
        if entry["old"] is not None and entry["new"] is not None:
            yield say("      one of the two is gone for good")
        return
    yield say(
        "      size  {old} → {new}, {added} of it new",
        old=size(_of(entry, "old") or 0),
        new=size(_of(entry, "new") or 0),
        added=size(_of(entry, "added_bytes") or 0),
    )
    for sign, name in (("+", "platforms_added"), ("-", "platforms_removed")):
        for platform in cast("Sequence[str]", comparison[name]):
            yield f"      {sign} {platform}"
    images = cast("Sequence[Entry]", comparison["images"])
    for image in images:
        yield from _image(image)
    yield from _more(comparison, "images")


def _of(entry: Entry, name: str) -> int | None:
    comparison = cast("Entry | None", entry.get("comparison"))
    if comparison is None:
        return None
    value = comparison[name]
    return int(str(cast("Entry", value)["size"] if isinstance(value, dict) else value))


def _image(image: Entry) -> Iterator[str]:
    added, removed = (cast("Sequence[Entry]", image[name]) for name in ("layers_added", "layers_removed"))
    settings = cast("Sequence[Entry]", image["config"])
    if not (added or removed or settings):
        return
    said = [counted(int(str(image["layers_kept"])), "layer stays", "layers stay")]
    if added:
        said.append(say("{count} new ({size})", count=image["layers_added_total"], size=_bytes(added)))
    if removed:
        said.append(say("{count} gone ({size})", count=image["layers_removed_total"], size=_bytes(removed)))
    yield f"      {image['platform'] or say('image')}  {', '.join(said)}"
    told = [setting for setting in settings if not setting.get("hidden")]
    for setting in told:
        yield f"        {setting['name']}  {_value(setting['old'])} → {_value(setting['new'])}"
    if hidden := len(settings) - len(told):
        yield say("        {values}", values=counted(hidden, "value is hidden", "values are hidden"))
    yield from _more(image, "config")


def _bytes(layers: Sequence[Entry]) -> str:
    return size(sum(int(str(layer["size"])) for layer in layers))


def _value(value: object) -> str:
    text = say("(nothing)") if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _more(entry: Entry, name: str) -> Iterator[str]:
    more = int(str(entry[f"{name}_total"])) - len(cast("Sequence[Entry]", entry[name]))
    if more:
        yield say("        and {count} more", count=f"{more:,}")
