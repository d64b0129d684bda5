"""References as people write them: `[HOST[:PORT]/]REPO[:TAG][@DIGEST]`, and `@{2}` or `@{DATE}` for a past."""

import re
from dataclasses import dataclass

from refloat.cli.problems import Problem, usage
from refloat.core.errors import NameInvalid
from refloat.core.names import ALGORITHMS, RepositoryName, Tag
from refloat.core.patterns import ImagePattern, RepositoryPattern
from refloat.language import say

FORM = "[HOST[:PORT]/]REPO[:TAG][@DIGEST]"
FEWEST_DIGITS = 7
_PREFIX = re.compile(r"(?:docker|oci)://")
_PAST = re.compile(r"(.*)@\{([^{}]*)\}", re.DOTALL)
_DIGEST = re.compile(r"(?:(sha256|sha512):)?([0-9a-f]+)")
_CHANGE = re.compile(r"[a-z]{10}")
_WILD = re.compile(r"[*?\[\]]")


@dataclass(frozen=True, slots=True)
class Reference:
    """What a person named. `digest` may be shortened; `past` is what stood in `@{…}`."""

    host: str | None
    repository: str
    tag: str | None = None
    digest: str | None = None
    past: str | None = None

    @property
    def value(self) -> str | None:
        """The reference in its repository: the digest where one is given, else the tag."""
        return self.digest or self.tag

    def __str__(self) -> str:
        host = f"{self.host}/" if self.host else ""
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        past = f"@{{{self.past}}}" if self.past is not None else ""
        return f"{host}{self.repository}{tag}{digest}{past}"


def parse(text: str) -> Reference:
    """Read a reference. Raises Problem."""
    whole = _PAST.fullmatch(_without_prefix(text))
    rest, past = (whole[1], whole[2]) if whole else (_without_prefix(text), None)
    rest, at, written = rest.partition("@")
    host, name = split_host(rest)
    repository, colon, tag = name.partition(":")
    try:
        return Reference(
            host,
            RepositoryName.parse(repository),
            Tag.parse(tag) if colon else None,
            _digest(written, text) if at else None,
            past,
        )
    except NameInvalid as problem:
        raise usage(
            say("{text!r} is not a reference: {problem}", text=text, problem=problem.message),
            say("references are {form}", form=FORM),
        ) from None


def parse_image(text: str) -> Reference:
    """Read a reference that names one image, by tag or digest. Raises Problem."""
    found = parse(text)
    if found.value is None:
        raise whole_repository(found)
    return found


def parse_present(text: str) -> Reference:
    """Read a reference that names one image as it is, by tag or by digest and not by both. Raises Problem."""
    found = parse_image(text)
    if found.tag and found.digest:
        raise usage(
            say("{reference} names a tag and a digest; say which is meant", reference=found),
            say("{repository}:{tag} or {repository}@…", repository=found.repository, tag=found.tag),
        )
    if found.past is not None:
        raise usage(
            say("{reference} is in the past; what is meant has to be named as it is", reference=found),
            say(
                "refloat history {repository}:{tag}   has its digest, for {repository}@…",
                repository=found.repository,
                tag=found.tag or "TAG",
            ),
        )
    return found


def parse_pattern(text: str) -> tuple[str | None, str, str | None]:
    """Read `[HOST/][REPO[:GLOB]]`; return host, repository (may be empty) and glob. Raises Problem."""
    host, name = split_host(_without_prefix(text))
    repository, colon, glob = name.partition(":")
    if not repository and host and not colon:
        return host, "", None
    if _WILD.search(repository):
        raise usage(say("{text!r}: patterns are for tags, as in  refloat ls 'team/api:v1.*'", text=text))
    try:
        return host, RepositoryName.parse(repository), glob if colon else None
    except NameInvalid as problem:
        raise usage(
            problem.message,
            say("[HOST[:PORT]/]REPO[:GLOB], in small letters, digits and  . _ - /"),
        ) from None


def parse_wild(text: str) -> tuple[str | None, str]:
    """Read `[HOST/]REPO:TAG` with `*`, `?` or `**` in it; return host and pattern. Raises Problem."""
    host, name = split_host(_without_prefix(text))
    try:
        return host, str(ImagePattern.parse(name))
    except NameInvalid as problem:
        raise usage(problem.message, say("[HOST[:PORT]/]REPO:TAG, with * in either")) from None


def parse_repositories(text: str) -> tuple[str | None, str]:
    """Read `[HOST/]REPO/`, or REPO with `*`, `?` or `**` in it; return host and pattern. Raises Problem."""
    host, name = split_host(_without_prefix(text).removesuffix("/"))
    try:
        pattern = RepositoryPattern.parse(name)
        return host, pattern.one_repository or str(pattern)
    except NameInvalid as problem:
        raise usage(
            say("{text!r} is not a repository: {problem}", text=text, problem=problem.message),
            say("[HOST[:PORT]/]REPO, in which there may be *"),
        ) from None


def split_host(text: str) -> tuple[str | None, str]:
    """Split the server off, as Docker does: what stands before the first slash and has a dot, a colon, or is
    `localhost`."""
    first, slash, rest = text.partition("/")
    if slash and (first == "localhost" or "." in first or ":" in first):
        return first, rest
    return None, text


def split_typed(text: str) -> tuple[str, str | None, str]:
    """Split what somebody is typing: what stands before the name, as it was typed, the server, and the name."""
    host, name = split_host(_without_prefix(text))
    return text[: len(text) - len(name)], host, name


def whole_repository(reference: Reference) -> Problem:
    """Return the problem of a reference that names a repository where an image was wanted, or looks like a change."""
    if reference.host is None and _CHANGE.fullmatch(reference.repository):
        return usage(
            say("{reference} is the id of a change, or a repository; say which image is meant", reference=reference),
            say("refloat trash show {reference}   lists the images of a change", reference=reference),
        )
    return usage(
        say("{reference} is a repository; say which image of it", reference=reference),
        say("refloat ls {reference}   lists its tags", reference=reference),
    )


def _without_prefix(text: str) -> str:
    return _PREFIX.sub("", text, count=1) if _PREFIX.match(text) else text


def _digest(written: str, text: str) -> str:
    match = _DIGEST.fullmatch(written)
    if match is None:
        raise usage(
            say("{text!r}: {written!r} is not a digest", text=text, written=written),
            say("a digest is written in hex, as @4f1c02d or @sha256:4f1c…"),
        )
    algorithm, digits = match[1] or ("sha512" if len(match[2]) == ALGORITHMS["sha512"] else "sha256"), match[2]
    if not FEWEST_DIGITS <= len(digits) <= ALGORITHMS[algorithm]:
        raise usage(
            say(
                "{text!r}: a digest has from {fewest} to {most} hex digits, this has {count}",
                text=text,
                fewest=FEWEST_DIGITS,
                most=ALGORITHMS[algorithm],
                count=len(digits),
            )
        )
    return f"{algorithm}:{digits}"
