"""What changes did, in words. Input is moves as the API gives them: repository, reference, old, new."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from refloat.cli.wording import counted, listed, short

Move = Mapping[str, object]
_FALLBACK = re.compile(r"sha(?:256|512)-[0-9a-f]{64}(?:\.(?:sig|sbom|att))?")


def is_digest(reference: object) -> bool:
    """Is a reference a manifest's own digest?"""
    return ":" in str(reference)


def is_tag(reference: object) -> bool:
    """Is a reference a tag as people give them, and not one that attaches something to a digest?"""
    return not is_digest(reference) and not _FALLBACK.fullmatch(str(reference))


def named(repository: object, reference: object) -> str:
    """Write one reference of a repository, a digest shortened."""
    return f"{repository}@{short(str(reference))}" if is_digest(reference) else f"{repository}:{reference}"


def summary(moves: Sequence[Move]) -> str:
    """Say in one line what a change touched."""
    repositories = list(dict.fromkeys(str(move["repository"]) for move in moves))
    parts = [_one_repository(name, [move for move in moves if move["repository"] == name]) for name in repositories]
    if len(parts) <= 2:
        return "; ".join(parts)
    return f"{parts[0]}; {counted(len(parts) - 1, 'more repository', 'more repositories')}"


def _one_repository(repository: str, moves: Sequence[Move]) -> str:
    tags = [str(move["reference"]) for move in moves if is_tag(move["reference"])]
    digests = [move["reference"] for move in moves if is_digest(move["reference"])]
    if len(tags) == 1:
        return f"{repository}:{tags[0]}"
    if tags:
        return f"{repository}: {', '.join(tags)}" if len(tags) <= 3 else f"{repository}: {len(tags)} tags"
    if len(digests) == 1:
        return named(repository, digests[0])
    return f"{repository}: {counted(len(moves), 'manifest')}"


def removed(repository: str, references: Iterable[str], moves: Sequence[Move], left: Sequence[object]) -> Iterator[str]:
    """Say what a removal of `references` took and left."""
    gone = {str(move["reference"]): str(move["old"]) for move in moves}
    asked = set()
    for reference in references:
        digest = gone.get(reference, reference)
        asked.add(digest)
        yield f"Moved to trash: {_with_tags(repository, reference, digest, gone)}"
        if digest not in gone:
            yield f"  the image {short(digest)} stays, and can be pulled by its digest"
    along = [reference for reference in gone if is_digest(reference) and reference not in asked]
    if along:
        yield f"  with {counted(len(along), 'manifest')} that only it held, or that refer to it"
    for staying in left:
        if staying not in asked:
            yield f"  {short(str(staying))} stays: something live needs it"


def removed_many(
    repository: str, references: Sequence[str], moves: Sequence[Move], left: Sequence[object]
) -> Iterator[str]:
    """The same of more images than anybody wants to read of one by one."""
    names = [short(reference) if is_digest(reference) else reference for reference in references]
    yield f"Moved to trash: {repository} with {len(names)} images ({listed(names)})"
    along = [move for move in moves if is_digest(move["reference"])]
    if along:
        yield f"  with {counted(len(along), 'manifest')} that only they held, or that refer to them"
    if left:
        yield f"  {counted(len(left), 'manifest stays', 'manifests stay')}: something live needs them"


def _with_tags(repository: str, reference: str, digest: str, gone: Mapping[str, str]) -> str:
    if not is_digest(reference):
        return f"{repository}:{reference}  ({short(digest)})"
    tags = sorted(tag for tag, value in gone.items() if value == digest and is_tag(tag))
    if not tags:
        return named(repository, reference)
    on_it = f"the tag on it: {tags[0]}" if len(tags) == 1 else f"the {len(tags)} tags on it: {listed(tags)}"
    return f"{named(repository, reference)} and {on_it}"


def undone(moves: Sequence[Move]) -> Iterator[str]:
    """Say what an undo or a restore moved."""
    repositories = dict.fromkeys(str(move["repository"]) for move in moves)
    for repository in repositories:
        own = [move for move in moves if move["repository"] == repository]
        back = [move for move in own if move["old"] is None]
        away = [move for move in own if move["new"] is None]
        for move in own:
            if move["old"] is not None and move["new"] is not None:
                yield f"Moved: {named(repository, move['reference'])}  {_change(move)}"
        yield from _group("Restored", repository, back, "new")
        yield from _group("Moved to trash", repository, away, "old")


def _change(move: Move) -> str:
    return f"{short(str(move['old']))} → {short(str(move['new']))}"


def _group(verb: str, repository: str, moves: Sequence[Move], side: str) -> Iterator[str]:
    tags = [move for move in moves if is_tag(move["reference"])]
    tagged = {move[side] for move in tags}
    others = [move for move in moves if is_digest(move["reference"]) and move["reference"] not in tagged]
    if len(tags) == 1:
        yield f"{verb}: {named(repository, tags[0]['reference'])}  ({short(str(tags[0][side]))}){_more(others)}"
    elif tags:
        names = listed([str(move["reference"]) for move in tags])
        yield f"{verb}: {repository} with {len(tags)} tags ({names}){_more(others)}"
    elif len(others) == 1:
        yield f"{verb}: {named(repository, others[0]['reference'])}"
    elif others:
        yield f"{verb}: {repository}, {counted(len(others), 'manifest')}"


def _more(others: Sequence[Move]) -> str:
    return f" and {counted(len(others), 'more manifest')}" if others else ""
