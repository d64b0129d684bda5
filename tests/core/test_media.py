"""What is a media type, and which of them a browser acts on."""

import http.client
import io
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from refloat.core import media

FIRST = string.ascii_letters + string.digits
REST = FIRST + "!#$&-^_.+"


def is_restricted_name(text: str) -> bool:
    """RFC 6838 section 4.2, read letter by letter."""
    return 1 <= len(text) <= 127 and text[0] in FIRST and all(letter in REST for letter in text)


names = st.text(st.sampled_from(REST), min_size=1, max_size=130)
texts = st.text(st.characters(codec="utf-8"), max_size=12)
anything = st.one_of(texts, st.builds("{}/{}".format, names, names), st.builds("{}/{}{}".format, names, names, texts))


@given(anything)
@example("application/x\r\nX-Injected: 1")
@example("application/x\n")
@example("application/")
@example("a/" + 127 * "b")
@example("a/" + 128 * "b")
@example("a/b;c=d")
@example("a/b/c")
@example("*/*")
@example("\uff41/b")
def test_a_media_type_is_what_the_rfc_says(text: str) -> None:
    kind, _, subtype = text.partition("/")
    assert media.is_media_type(text) == (is_restricted_name(kind) and is_restricted_name(subtype))


@given(anything)
def test_what_is_one_is_read_from_a_header_as_it_was_sent(text: str) -> None:
    if media.is_media_type(text):
        assert len(text.encode()) <= 255
        sent = f"Content-Type: {text}\r\nX-Next: 1\r\n\r\n".encode("ascii")
        headers = http.client.parse_headers(io.BytesIO(sent))
        assert headers.items() == [("Content-Type", text), ("X-Next", "1")]


@pytest.mark.parametrize(
    "text",
    [
        "text/html", "TEXT/HTML", "text/plain", "text/json", "text/css", "text/javascript", "image/svg+xml",
        "image/png", "application/xhtml+xml", "Application/XHTML+XML", "application/xml", "application/xml-dtd",
        "application/vnd.example+xml", "application/rss+xml", "application/pdf", "application/javascript",
        "application/x-javascript", "application/ecmascript", "application/x-ecmascript", "application/javascript-1.0",
        "application/wasm", "application/x-shockwave-flash", "application/x-xpinstall", "application/x-x509-ca-cert",
        "multipart/related", "multipart/x-mixed-replace", "message/rfc822", "audio/ogg", "application/ogg", "video/mp4",
        "font/woff2", "model/gltf+json", "application/signed-exchange", "application/x-mpegurl",
        "application/vnd.apple.mpegurl", "application/java-archive",
    ],
)  # fmt: skip
def test_a_browser_acts_on(text: str) -> None:
    assert media.is_active(text)


@pytest.mark.parametrize(
    "text",
    [
        *sorted(media.IMAGES | media.INDEXES | media.SCHEMA1),
        "application/vnd.oci.artifact.manifest.v1+json", "application/vnd.cncf.oras.artifact.manifest.v1+json",
        "application/vnd.example.thing.v1", "application/vnd.example.xml.thing+json", "application/example",
        "application/vnd.pdf", "application/vnd.acme.java+json", "application/x-example",
    ],
)  # fmt: skip
def test_a_browser_keeps_as_bytes(text: str) -> None:
    assert media.is_media_type(text)
    assert not media.is_active(text)


def test_a_type_is_the_same_in_any_case_and_no_other_letter_becomes_one_of_it() -> None:
    assert media.bare(" Application/VND.Docker ; charset=utf-8\t") == "application/vnd.docker"
    kelvin = media.DOCKER_MANIFEST.replace("docker", "doc\u212aer")
    assert kelvin.lower() == media.DOCKER_MANIFEST
    assert media.bare(kelvin) != media.DOCKER_MANIFEST
