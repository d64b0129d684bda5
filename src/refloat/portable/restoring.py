"""Brings an image back: everything is put where it was and read again, and only then is it said to be back.

Spec: OCI Distribution 1.1 "Mounting a blob from another repository", "Pushing Manifests".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from refloat.client.registry import Registry
from refloat.core.names import Digest, RepositoryName, Tag
from refloat.language import say
from refloat.portable.facts import Facts, KeptManifest
from refloat.portable.keeping import Asked, begun, facts_of, keep, sizes_of
from refloat.portable.looking import Repository, look
from refloat.portable.plan import leaving
from refloat.portable.reading import points, readable, took_nothing
from refloat.portable.refusals import MovedSince, NotThere, not_whole
from refloat.portable.shelf import Entry, Shelf


@dataclass(frozen=True, slots=True)
class Comeback:
    """What bringing an entry back does. `taken` are the tags that point elsewhere now, and where."""

    entry: Entry
    tags: Mapping[Tag, Digest]
    taken: Mapping[Tag, Digest]


def find(registry: Registry, shelf: Shelf, repository: RepositoryName, reference: Tag | Digest) -> Entry:
    """Return the newest delete of an image. Raises NotThere, TrashLost.

    One that was begun and took nothing is meant only where no other is, and what a tag left for an image that was
    brought back only where nothing else is, or by its digest.
    """
    tag, digest = (None, reference) if isinstance(reference, Digest) else (reference, None)
    found = [entry for entry in shelf.entries() if _has(entry.facts, tag, digest)]
    if not found:
        name = f"@{digest}" if digest else f":{tag}"
        there = registry.resolve(repository, reference) is not None
        raise NotThere(
            say("{place} has no {name} of {server}", place=shelf.place, name=name, server=registry.origin.netloc),
            (say("{repository}{name} is there, and nothing was deleted", repository=repository, name=name),) * there,
            say("refloat trash --host {server}   lists what it has", server=registry.origin.netloc),
        )

    def worth(entry: Entry) -> tuple[bool, bool, datetime]:
        idle = entry.state == "begun" and took_nothing(registry, entry.facts)
        return not idle, digest is not None or entry.facts.extent != "displaced", entry.facts.at

    return max(found, key=worth)


def prepare(registry: Registry, entry: Entry, name: Tag | None) -> Comeback:
    """See which tags an entry would set, and what is in their way. `name`: the image alone, under this tag."""
    facts = entry.facts
    tags = _tags(registry, facts) if name is None else {name: facts.image}
    now = {tag: points(registry, facts.repository, tag) for tag in tags}
    taken = {tag: there for tag, there in now.items() if there is not None and there != tags[tag]}
    return Comeback(entry, tags, taken)


def _tags(registry: Registry, facts: Facts) -> dict[Tag, Digest]:
    """Return the tags that went; of an image that went with one tag of several, the others too where they are gone."""
    gone = {tag: facts.image for tag in facts.others if points(registry, facts.repository, tag) is None}
    return facts.tags | gone if points(registry, facts.repository, facts.image) is None else facts.tags


def refuse_taken(comeback: Comeback) -> None:
    """Raises MovedSince where a tag got another image meanwhile."""
    for tag, now in comeback.taken.items():
        raise _moved(comeback, tag, now)


def _moved(comeback: Comeback, tag: Tag, now: Digest) -> MovedSince:
    return MovedSince(
        say("{repository}:{tag} has moved since", repository=comeback.entry.facts.repository, tag=tag),
        (say("now     {digest}", digest=now), say("wanted  {digest}", digest=comeback.tags[tag])),
        say("--as NAME restores it beside the present one; --replace moves it back, and keeps the present one"),
    )


def replace(registry: Registry, shelf: Shelf, comeback: Comeback, asked: Sequence[Asked]) -> list[Facts]:
    """Bring back an image whose tags are taken: what is on them is kept first, each image under an id of its own.

    `asked` has one for every taken tag. Return what was written down about what had to give way.
    """
    kept = _keep_taken(registry, shelf, comeback, asked)
    bring_back(registry, shelf, comeback)
    for entry in shelf.entries():
        if entry.facts.extent == "displaced" and entry.state == "begun" and _left(registry, entry.facts):
            shelf.mark(entry.facts, "deleted")
    return kept


def _keep_taken(registry: Registry, shelf: Shelf, comeback: Comeback, asked: Sequence[Asked]) -> list[Facts]:
    repository = Repository.seen(registry, comeback.entry.facts.repository)
    kept = []
    for digest, one in zip(sorted(set(comeback.taken.values())), asked, strict=False):
        image = look(repository, digest)
        tags = tuple(sorted(tag for tag, now in comeback.taken.items() if now == digest))
        plan = leaving(repository, image, tags, "displaced")
        found = facts_of(registry.origin.netloc, (plan, image), sizes_of(repository, image), one)
        facts = begun(shelf, found)
        keep(shelf, image, facts)
        kept.append(facts)
    return kept


def _left(registry: Registry, facts: Facts) -> bool:
    return all(points(registry, facts.repository, tag) != digest for tag, digest in facts.tags.items())


def bring_back(registry: Registry, shelf: Shelf, comeback: Comeback) -> None:
    """Put everything back, read it, and write down that it is back. May be run again after a crash anywhere in it.

    All is put, whatever seems to be there: a registry may remember what its collection took, until it is started again.
    Raises NotWhole, MovedSince, and what client.errors names.
    """
    facts = comeback.entry.facts
    for blob in facts.blobs:
        shelf.give(blob.digest, blob.size)
    for kept in facts.manifests:
        body = shelf.body(kept.digest)
        _put(registry, facts, kept, body)
        for tag in (tag for tag, digest in comeback.tags.items() if digest == kept.digest):
            _put_tag(registry, comeback, tag, (kept.media_type, body))
    _see_back(registry, shelf, comeback)
    shelf.mark(facts, "restored")


def _put_tag(registry: Registry, comeback: Comeback, tag: Tag, manifest: tuple[str, bytes]) -> None:
    """Set a tag, unless somebody moved it since it was looked at. Raises MovedSince."""
    repository = comeback.entry.facts.repository
    now = points(registry, repository, tag)
    if now not in (None, comeback.tags[tag], comeback.taken.get(tag)):
        raise _moved(comeback, tag, now)
    if now != comeback.tags[tag]:
        registry.put(repository, tag, *manifest)


def _put(registry: Registry, facts: Facts, kept: KeptManifest, body: bytes) -> None:
    """Put a manifest by its digest.

    A registry:2 that remembers bytes which it collected answers 201 and writes nothing. It does write what is uploaded
    as a blob, and has the bytes of manifests among its blobs.
    """
    registry.put(facts.repository, kept.digest, kept.media_type, body)
    if not _stands(registry, facts, kept, body):
        registry.upload(facts.repository, kept.digest, len(body), lambda offset: iter((body[offset:],)))
        registry.put(facts.repository, kept.digest, kept.media_type, body)


def _see_back(registry: Registry, shelf: Shelf, comeback: Comeback) -> None:
    facts = comeback.entry.facts
    sizes = {blob.digest: readable(registry, facts.repository, blob.digest) for blob in facts.blobs}
    lost: list[str] = [blob.digest for blob in facts.blobs if sizes[blob.digest] != blob.size]
    lost += [kept.digest for kept in facts.manifests if not _stands(registry, facts, kept, shelf.body(kept.digest))]
    lost += [tag for tag, digest in comeback.tags.items() if points(registry, facts.repository, tag) != digest]
    if lost:
        raise not_whole(
            say("what was put back in {repository}", repository=facts.repository),
            tuple(lost),
            say("what is kept stays kept: run it again, after a restart of the registry if its memory is wrong"),
        )


def _stands(registry: Registry, facts: Facts, kept: KeptManifest, body: bytes) -> bool:
    there = registry.manifest(facts.repository, kept.digest)
    return there is not None and there.body == body and there.media_type == kept.media_type


def _has(facts: Facts, tag: Tag | None, digest: Digest | None) -> bool:
    if digest is not None:
        return digest in (facts.image, *facts.takes)
    return tag in facts.tags
