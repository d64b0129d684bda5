"""What changes did, in words. Input is moves as the API gives them: repository, reference, old, new."""

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from refloat.cli.printing import Entry
from refloat.cli.wording import counted, listed, short
from refloat.language import say

Move = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Telling:
    """The words for what was done, or would be."""

    removed: str
    restored: str
    moved: str


DONE = Telling(say("Moved to trash"), say("Restored"), say("Moved"))
PLANNED = Telling(say("Would move to trash"), say("Would restore"), say("Would move"))


def telling(answer: Entry) -> Telling:
    """Return the words for an answer: those of a dry run tell of nothing that was done."""
    return PLANNED if answer["dry_run"] else DONE


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


def first_of(moves: Sequence[Move]) -> str:
    """Name one of the moved references: a tag, where there is one."""
    move = next((move for move in moves if is_tag(move["reference"])), moves[0])
    return named(move["repository"], move["reference"])


def _one_repository(repository: str, moves: Sequence[Move]) -> str:
    tags = [str(move["reference"]) for move in moves if is_tag(move["reference"])]
    digests = [move["reference"] for move in moves if is_digest(move["reference"])]
    if len(tags) == 1:
        return f"{repository}:{tags[0]}"
    if tags:
        return (
            f"{repository}: {', '.join(tags)}"
            if len(tags) <= 3
            else say("{repository}: {count} tags", repository=repository, count=len(tags))
        )
    if len(digests) == 1:
        return named(repository, digests[0])
    return f"{repository}: {counted(len(moves), 'manifest')}"


def removed(
    repository: str, references: Iterable[str], moves: Sequence[Move], left: Sequence[object], words: Telling = DONE
) -> Iterator[str]:
    """Say what a removal of `references` took and left: every tag that goes is named."""
    gone, references = _gone(moves), list(references)
    for reference in references:
        digest = gone.get(reference, reference)
        yield f"{words.removed}: {_with_tags(repository, reference, digest, gone)}"
        if digest not in gone:
            yield say("  the image {digest} stays, and can be pulled by its digest", digest=short(digest))
    asked = {gone.get(reference, reference) for reference in references}
    if along := _beside(gone, asked):
        yield _along(along, len(asked))
    yield from following(
        [tag for tag, digest in gone.items() if is_tag(tag) and tag not in references and digest not in references]
    )
    for staying in left:
        if staying not in asked:
            yield say("  {digest} stays: something live needs it", digest=short(str(staying)))


def removed_many(
    repository: str, references: Sequence[str], moves: Sequence[Move], left: Sequence[object], words: Telling = DONE
) -> Iterator[str]:
    """The same of more images than anybody wants to read of one by one."""
    names = [short(reference) if is_digest(reference) else reference for reference in references]
    yield say(
        "{verb}: {repository} with {count} images ({names})",
        verb=words.removed,
        repository=repository,
        count=len(names),
        names=", ".join(names),
    )
    gone = _gone(moves)
    if along := _beside(gone, {gone.get(reference, reference) for reference in references}):
        yield _along(along, len(names))
    yield from following([tag for tag in gone if is_tag(tag) and tag not in references])
    if left:
        yield say(
            "  {manifests}: something live needs them", manifests=counted(len(left), "manifest stays", "manifests stay")
        )


def following(tags: Sequence[str], more: int = 0) -> Iterator[str]:
    """Name the tags that go though nobody asked for them by name, and say how many more there are."""
    if not tags:
        return
    names = ", ".join(tags)
    if more:
        names = say("{names} and {count} more", names=names, count=f"{more:,}")
    if len(tags) + more == 1:
        yield say("  and with that the tag {tag}", tag=names)
    else:
        yield say("  and with that the tags {tags}", tags=names)


def _gone(moves: Sequence[Move]) -> dict[str, str]:
    """Return what each reference that goes pointed to."""
    return {str(move["reference"]): str(move["old"]) for move in moves}


def _beside(gone: Iterable[str], asked: Container[str]) -> int:
    """Return how many manifests go beside those that were asked for."""
    return sum(is_digest(reference) and reference not in asked for reference in gone)


def _along(count: int, images: int) -> str:
    manifests = counted(count, "manifest")
    if images == 1:
        return say("  with {manifests} that only it held, or that refer to it", manifests=manifests)
    return say("  with {manifests} that only they held, or that refer to them", manifests=manifests)


def tallied(answer: Entry) -> Iterator[str]:
    """Say of more moves than an answer lists, what came and went in each repository."""
    rows, words = cast("Sequence[Entry]", answer["repositories"]), telling(answer)
    for row in rows:
        for verb, counts in ((words.restored, row["came"]), (words.removed, row["went"])):
            if told := _told(cast("Mapping[str, int]", counts)):
                yield say("{verb}: {repository} with {told}", verb=verb, repository=row["repository"], told=told)
        if moved := int(str(row["moved"])):
            tags = counted(moved, "tag")
            yield say("{verb}: {tags} of {repository}", verb=words.moved, tags=tags, repository=row["repository"])
    more = int(str(answer["repositories_total"])) - len(rows)
    if more:
        yield say("  and in {repositories}", repositories=counted(more, "more repository", "more repositories"))
    along = cast("Sequence[Entry]", answer.get("following", ()))
    names = [named(entry["repository"], entry["reference"]) for entry in along]
    yield from following(names, int(str(answer.get("following_total", 0))) - len(names))


def _told(counts: Mapping[str, int]) -> str:
    parts = [counted(counts["tags"], "tag")] if counts["tags"] else []
    parts += [counted(counts["manifests"], "manifest")] if counts["manifests"] else []
    return say(" and ").join(parts)


def _with_tags(repository: str, reference: str, digest: str, gone: Mapping[str, str]) -> str:
    if not is_digest(reference):
        return f"{repository}:{reference}  ({short(digest)})"
    tags = sorted(tag for tag, value in gone.items() if value == digest and is_tag(tag))
    if not tags:
        return named(repository, reference)
    on_it = (
        say("the tag on it: {tag}", tag=tags[0])
        if len(tags) == 1
        else say("the {count} tags on it: {names}", count=len(tags), names=", ".join(tags))
    )
    return say("{reference} and {on_it}", reference=named(repository, reference), on_it=on_it)


def undone(moves: Sequence[Move], words: Telling = DONE) -> Iterator[str]:
    """Say what an undo or a restore moved."""
    repositories = dict.fromkeys(str(move["repository"]) for move in moves)
    for repository in repositories:
        own = [move for move in moves if move["repository"] == repository]
        back = [move for move in own if move["old"] is None]
        away = [move for move in own if move["new"] is None]
        for move in own:
            if move["old"] is not None and move["new"] is not None:
                yield f"{words.moved}: {named(repository, move['reference'])}  {_change(move)}"
        yield from _group(words.restored, repository, back, "new")
        yield from _group(words.removed, repository, away, "old")


def _change(move: Move) -> str:
    return f"{short(str(move['old']))} → {short(str(move['new']))}"


def _group(verb: str, repository: str, moves: Sequence[Move], side: str) -> Iterator[str]:
    tags = [move for move in moves if is_tag(move["reference"])]
    tagged = {move[side] for move in tags}
    others = [move for move in moves if is_digest(move["reference"]) and move["reference"] not in tagged]
    if len(tags) == 1:
        yield f"{verb}: {named(repository, tags[0]['reference'])}  ({short(str(tags[0][side]))}){_more(others)}"
    elif tags:
        words = [str(move["reference"]) for move in tags]
        names = listed(words) if side == "new" else ", ".join(words)  # what goes is named whole
        yield say(
            "{verb}: {repository} with {count} tags ({names}){others}",
            verb=verb,
            repository=repository,
            count=len(tags),
            names=names,
            others=_more(others),
        )
    elif len(others) == 1:
        yield f"{verb}: {named(repository, others[0]['reference'])}"
    elif others:
        yield f"{verb}: {repository}, {counted(len(others), 'manifest')}"


def _more(others: Sequence[Move]) -> str:
    return say(" and {manifests}", manifests=counted(len(others), "more manifest")) if others else ""
