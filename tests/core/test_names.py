"""The specification's names, and what is not one of them."""

import hashlib
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from refloat.core.errors import DigestInvalid, NameInvalid
from refloat.core.names import Digest, RepositoryName, Tag, parse_reference, printable

SPEC_NAME = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"
SPEC_TAG = r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}"
HEX = "0123456789abcdef" * 4

texts = st.one_of(st.text(max_size=40), st.text("abz09._-/:@\n%AZ é٣", max_size=40))


@pytest.mark.parametrize(
    "name",
    ["a", "library/debian", "a.b_c__d-e---f", "0/1/2", "a" * 255, "/".join(["a"] * 128), "a--b", "at/2026-11-20/x"],
)
def test_repository_names(name: str) -> None:
    assert RepositoryName.parse(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "", "/", "a/", "/a", "a//b", "A", "a.", ".a", "a..b", "a___b", "a._b", "a-", "_a", "a" * 256, "a\n", "\na",
        "a/b\n", "a b", "a\x00", "é", "٣", "a%2Fb", "a:b", "a@b", "../a", "a/../b", "a/./b", "\uff41", "a\u200b",
        "a\ud800",
    ],
)  # fmt: skip
def test_what_is_not_a_repository_name(name: str) -> None:
    with pytest.raises(NameInvalid) as refused:
        RepositoryName.parse(name)
    assert refused.value.message.isascii()
    assert refused.value.message.isprintable()


@given(texts)
@example("a\n")
def test_names_are_the_specifications(text: str) -> None:
    assert parses(RepositoryName.parse, text) == bool(re.fullmatch(SPEC_NAME, text))
    assert parses(Tag.parse, text) == bool(re.fullmatch(SPEC_TAG, text))


def parses(parse: type | object, text: str) -> bool:
    assert callable(parse)
    try:
        return bool(parse(text) == text)
    except (NameInvalid, DigestInvalid):
        return False


@pytest.mark.parametrize("tag", ["latest", "_", "1.0", "A-B_c.d", "t" * 128, "sha256-" + HEX])
def test_tags(tag: str) -> None:
    assert Tag.parse(tag) == tag


@pytest.mark.parametrize("tag", ["", ".a", "-a", "t" * 129, "a/b", "a b", "latest\n", "a:b", "é", "٣", "a\x00", "a@b"])
def test_what_is_not_a_tag(tag: str) -> None:
    with pytest.raises(NameInvalid):
        Tag.parse(tag)


@pytest.mark.parametrize("text", [f"sha256:{HEX}", f"sha512:{HEX}{HEX}"])
def test_digests(text: str) -> None:
    assert Digest.parse(text) == text
    assert parse_reference(text) == Digest(text)
    assert isinstance(parse_reference(text), Digest)


@pytest.mark.parametrize(
    "text",
    [
        "", "sha256", "sha256:", f"sha256:{HEX[:-1]}", f"sha256:{HEX}0", f"sha256:{HEX.upper()}", f"SHA256:{HEX}",
        f"sha256:{HEX}\n", f"sha512:{HEX}", f"sha384:{HEX}", f"md5:{HEX[:32]}", f"sha256:{HEX[:-1]}g", f"sha256::{HEX}",
        f" sha256:{HEX}", f"sha256:{HEX[:-1]}٣", f"sha256+b64:{HEX}", f"../sha256:{HEX}", f"sha256:{'../' * 21}a",
    ],
)  # fmt: skip
def test_what_is_not_a_digest(text: str) -> None:
    with pytest.raises(DigestInvalid):
        Digest.parse(text)


def test_a_colon_means_a_digest_is_meant() -> None:
    assert isinstance(parse_reference("latest"), Tag)
    with pytest.raises(DigestInvalid):
        parse_reference("sha256:latest")
    with pytest.raises(NameInvalid):
        parse_reference("not a tag")


@given(st.binary(max_size=200))
def test_the_digest_of_content(content: bytes) -> None:
    assert Digest.of(content) == "sha256:" + hashlib.sha256(content).hexdigest()
    assert Digest.of(content, "sha512") == "sha512:" + hashlib.sha512(content).hexdigest()
    assert Digest.parse(Digest.of(content, "sha512")).algorithm == "sha512"


@pytest.mark.parametrize("suffix", ["", ".sig", ".sbom", ".att"])
def test_fallback_tags_speak_about_a_digest(suffix: str) -> None:
    digest = Digest(f"sha256:{HEX}")
    tag = Tag(f"sha256-{HEX}{suffix}")
    assert tag in digest.fallback_tags
    assert tag.subject == digest


@pytest.mark.parametrize(
    "tag", ["latest", f"sha256-{HEX[:-1]}", f"sha256-{HEX}.sign", f"sha256-{HEX}.sig.sig", f"md5-{HEX}"]
)
def test_other_tags_speak_about_nothing(tag: str) -> None:
    assert Tag(tag).subject is None


@given(
    digest=st.binary(max_size=8).map(Digest.of)
    | st.binary(max_size=8).map(lambda content: Digest.of(content, "sha512"))
)
def test_every_fallback_tag_is_a_tag(digest: Digest) -> None:
    for tag in digest.fallback_tags:
        assert Tag.parse(tag) == tag


@given(st.text(max_size=300))
def test_what_users_wrote_is_fit_for_a_log(text: str) -> None:
    shown = printable(text)
    assert shown.isascii()
    assert shown.isprintable()
    assert len(shown) <= 10 * 80 + 2
