"""Patterns of images as people write them: `team/api:v1.*`, `team/**:pr-*`.

In a repository's name `*` and `?` stay between two slashes and `**` crosses them; in a tag `*` is any run of letters.
What a pattern says is only ever compared, never run: no regular expression is made of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from string import ascii_letters, ascii_lowercase, digits
from typing import Self

from refloat.core.errors import NameInvalid
from refloat.core.globs import STARS, Glob, Row
from refloat.core.names import MAX_NAME, MAX_TAG, RepositoryName, Tag, printable

_NAME_LETTERS = frozenset(ascii_lowercase + digits + "._/-" + STARS)
_TAG_LETTERS = frozenset(ascii_letters + digits + "._-" + STARS)


def is_pattern(text: str) -> bool:
    """Does a reference hold anything that stands for more than itself?"""
    return any(star in text for star in STARS)


@dataclass(frozen=True, slots=True)
class RepositoryPattern:
    """Repositories, by pattern; or one, by its name."""

    repository: str
    repository_glob: Glob = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "repository_glob", Glob(self.repository))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `REPO`, in which there may be `*`, `?`, `**`. Raises NameInvalid."""
        if not _is_written_in(text, _NAME_LETTERS, MAX_NAME):
            shown = printable(text)
            raise NameInvalid(f"{shown} is not a pattern of repositories, as team/** is", {"repository": shown})
        return cls(text)

    def __str__(self) -> str:
        return self.repository

    @property
    def one_repository(self) -> RepositoryName | None:
        """The repository, where none of its letters stands for more. Raises NameInvalid."""
        return None if is_pattern(self.repository) else RepositoryName.parse(self.repository)

    def matches_repository(self, name: RepositoryName) -> bool:
        """Is a repository meant?"""
        return self.repository_glob.matches(name)


@dataclass(frozen=True, slots=True)
class ImagePattern(RepositoryPattern):
    """Tags of repositories, by pattern. Tags that attach something to a digest follow it and are never matched."""

    tag: str
    tag_glob: Glob = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "repository_glob", Glob(self.repository))
        object.__setattr__(self, "tag_glob", Glob(self.tag))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `REPO:TAG`, in either of which there may be `*`, `?`, `**`. Raises NameInvalid."""
        repository, _, tag = text.partition(":")
        written = _is_written_in(repository, _NAME_LETTERS, MAX_NAME) and _is_written_in(tag, _TAG_LETTERS, MAX_TAG)
        if not written:
            shown = printable(text)
            raise NameInvalid(f"{shown} is not a pattern of images, as team/**:pr-* is", {"image": shown})
        return cls(repository, tag)

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag}"

    def matches_tag(self, tag: Tag) -> bool:
        """Is a tag of such a repository meant?"""
        return tag.subject is None and self.tag_glob.matches(tag)


def row_of(tags: Iterable[Tag]) -> Row[Tag]:
    """Return the tags that patterns may mean, side by side: `ImagePattern.tag_glob` is compared with all at once."""
    return Row([tag for tag in tags if tag.subject is None])


def _is_written_in(text: str, letters: frozenset[str], longest: int) -> bool:
    return 0 < len(text) <= longest and letters.issuperset(text)
