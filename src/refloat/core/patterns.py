"""Patterns of images as people write them: `team/api:v1.*`, `team/**:pr-*`.

In a repository's name `*` and `?` stay between two slashes and `**` crosses them; in a tag `*` is any run of letters.
"""

import re
from dataclasses import dataclass
from typing import Self

from refloat.core.errors import NameInvalid
from refloat.core.names import RepositoryName, Tag, printable

_WILD = re.compile(r"[*?]")
_PART = re.compile(r"\*\*|\*|\?|[^*?]+")
_IN_A_NAME = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
_IN_A_TAG = {"**": ".*", "*": ".*", "?": "."}
_NAME_LETTERS = re.compile(r"[a-z0-9._/*?-]{1,255}")
_TAG_LETTERS = re.compile(r"[a-zA-Z0-9._*?-]{1,128}")


def is_pattern(text: str) -> bool:
    """Does a reference hold anything that stands for more than itself?"""
    return _WILD.search(text) is not None


@dataclass(frozen=True, slots=True)
class RepositoryPattern:
    """Repositories, by pattern; or one, by its name."""

    repository: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `REPO`, in which there may be `*`, `?`, `**`. Raises NameInvalid."""
        if not _NAME_LETTERS.fullmatch(text):
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
        return _matches(self.repository, _IN_A_NAME, name)


@dataclass(frozen=True, slots=True)
class ImagePattern(RepositoryPattern):
    """Tags of repositories, by pattern. Tags that attach something to a digest follow it and are never matched."""

    tag: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `REPO:TAG`, in either of which there may be `*`, `?`, `**`. Raises NameInvalid."""
        repository, colon, tag = text.partition(":")
        if not colon or not _NAME_LETTERS.fullmatch(repository) or not _TAG_LETTERS.fullmatch(tag):
            shown = printable(text)
            raise NameInvalid(f"{shown} is not a pattern of images, as team/**:pr-* is", {"image": shown})
        return cls(repository, tag)

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag}"

    def matches_tag(self, tag: Tag) -> bool:
        """Is a tag of such a repository meant?"""
        return tag.subject is None and _matches(self.tag, _IN_A_TAG, tag)


def _matches(pattern: str, stands_for: dict[str, str], text: str) -> bool:
    parts = (stands_for.get(part, re.escape(part)) for part in _PART.findall(pattern))
    return re.fullmatch("".join(parts), text) is not None
