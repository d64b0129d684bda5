"""What is there, really? A registry may say 200 to HEAD from its memory and have nothing to give."""

from refloat.client.errors import Broken, Refused
from refloat.client.registry import Registry
from refloat.core.names import Digest, RepositoryName, Tag
from refloat.portable.facts import Facts


def readable(registry: Registry, repository: RepositoryName, digest: Digest) -> int | None:
    """Return a blob's size in bytes, its first and last byte having been read; None if that cannot be done."""
    size = registry.size(repository, digest)
    if size is None or size == 0:
        return size
    try:
        registry.piece(repository, digest, 0, 0)
        registry.piece(repository, digest, size - 1, size - 1)
    except (Broken, Refused):
        return None
    return size


def points(registry: Registry, repository: RepositoryName, reference: Tag | Digest) -> Digest | None:
    """Return what a reference points to now; None where there is nothing."""
    there = registry.resolve(repository, reference)
    return None if there is None else there.digest


def took_nothing(registry: Registry, facts: Facts) -> bool:
    """Is everything that a delete was to take where it was?"""
    return all(points(registry, facts.repository, digest) == digest for digest in facts.takes) and all(
        points(registry, facts.repository, tag) == digest for tag, digest in facts.tags.items()
    )
