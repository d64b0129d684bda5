"""Can a blob really be read? A registry may say 200 to HEAD from its memory and have nothing to give."""

from refloat.client.errors import Broken, Refused
from refloat.client.registry import Registry
from refloat.core.names import Digest, RepositoryName


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
