"""A value that would break every answer stops the start, and so does a text no configuration is as large as."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from refloat.settings import Loaded, SettingsRefused, load
from tests.conftest import Serve
from tools.serving import REFLOAT

Load = Callable[..., Loaded]
SOON = 20.0  # seconds: what never ends is told from what only takes long on a loaded machine
BEGIN = "version: 0.1\n"


def refused(loading: Load, text: str) -> list[tuple[str, str]]:
    with pytest.raises(SettingsRefused) as told:
        loading(text)
    assert all("config.yml" in refusal.origin for refusal in told.value.refusals if "." in refusal.key)
    return [(refusal.key, refusal.sentence) for refusal in told.value.refusals]


SAID_BY_ANSWERS = (
    "Content-Length", "transfer-encoding", "Connection", "Content-Encoding", "ETag", "Link", "Warning",
    "Refloat-Change", "Retry-After", "OCI-Subject", "OCI-Tag", "WWW-Authenticate", "Date", "Range", "Allow",
)  # fmt: skip


@pytest.mark.parametrize("value", [r"a\nb", r"a\r\nX-B: c", r"a\0b", r"\x1b[2J", r"a\x7f", "\u0416", "\u20ac", r"\x85"])
def test_a_value_that_no_header_can_have_is_refused_by_its_name(loading: Load, value: str) -> None:
    [(key, sentence)] = refused(loading, f'http: {{headers: {{X-A: ["fine", "{value}"]}}}}')
    assert key == "http.headers.X-A"
    assert "\n" not in sentence
    assert "\x1b" not in sentence


@pytest.mark.parametrize("name", ["X A", r"X\nA", "X:A", r"X\0", "\u0416", "\xe9", "", "(x)", 'a\\"b', "X/A"])
def test_a_name_that_is_no_headers_is_refused(loading: Load, name: str) -> None:
    [(key, sentence)] = refused(loading, f'http: {{headers: {{"{name}": [a]}}}}')
    assert key == "http.headers"
    assert "is not the name of a header" in sentence
    assert sentence.isprintable()


@pytest.mark.parametrize("name", SAID_BY_ANSWERS)
def test_what_each_answer_says_of_itself_is_not_configured(loading: Load, name: str) -> None:
    [(key, _)] = refused(loading, f"http: {{headers: {{{name}: ['0']}}}}")
    assert key == f"http.headers.{name}"


def test_more_headers_than_clients_read_are_refused(loading: Load) -> None:
    for headers in ({"X-A": ["b"] * 51}, {f"X-{number}": "b" for number in range(51)}, {"X-A": "b" * 9000}):
        [(key, _)] = refused(loading, f"http: {{headers: {headers}}}")
        assert key == "http.headers"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("host", r"https://reg.example.com\r\nX-A: b"),
        ("host", "https://reg example.com"),
        ("host", "javascript:alert(1)"),
        ("host", "ftp://reg.example.com"),
        ("host", "https://"),
        ("host", "https://user@reg.example.com"),
        ("host", "https://reg.example.com?x"),
        ("host", 'https://evil\\"><x'),
        ("host", "https://r\xe9g.example.com"),
        ("host", "https://reg.example.com:99999"),
        ("host", "https://reg.example.com/a b"),
        ("prefix", "/a b/"),
        ("prefix", r"/a\nb/"),
        ("prefix", "/a?b/"),
        ("prefix", "/a#b/"),
        ("prefix", "/a%20b/"),
        ("prefix", "/\xe9/"),
    ],
)
def test_an_address_that_is_none_is_refused(loading: Load, key: str, value: str) -> None:
    [(found, sentence)] = refused(loading, f'http: {{{key}: "{value}"}}')
    assert found == f"http.{key}"
    assert sentence.isprintable()
    assert sentence.isascii()


@pytest.mark.parametrize(
    "text",
    [
        "http: {host: 'https://reg.example.com:8443'}",
        "http: {host: reg.example.com}",
        "http: {host: 'http://[2001:db8::1]:5000/hub/'}",
        "http: {prefix: /my-hub_1/~x/}",
        "http: {headers: {X-Frame-Options: [deny], Access-Control-Allow-Origin: '*', Vary: [Origin, Accept]}}",
        "http: {headers: {Content-Security-Policy: [\"default-src 'none'; frame-ancestors 'self'\"], X-Empty: ['']}}",
        'http: {headers: {X-Note: ["M\xfcller\tand more"]}}',
    ],
)
def test_what_is_right_is_taken(loading: Load, text: str) -> None:
    assert loading(text).notices == ()


def test_every_answer_has_the_configured_headers_as_they_are_written(serve: Serve) -> None:
    served = serve(REGISTRY_HTTP_HEADERS='{X-Note: ["M\xfcller", b], Server: [ours]}')
    assert served.wire.ask("GET", "/v2/").expect(200).headers["x-note"] == "b"
    assert served.wire.ask("OPTIONS", "/v2/").expect(204).headers["x-note"] == "b"


@pytest.mark.parametrize(
    "variables",
    [
        {"REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": r'"/tmp/a\0b"'},
        {"REGISTRY_REFLOAT_DATABASE": r'"/tmp/a\0b"'},
        {"REGISTRY_REFLOAT_DATABASE": r'"/tmp/a\nb"'},
        {"REGISTRY_HTTP_ADDR": "a..b:5000"},
        {"REGISTRY_HTTP_ADDR": 64 * "a" + ":5000"},
        {"REGISTRY_HTTP_ADDR": "127.0.0.1:" + 5000 * "9"},
        {"REGISTRY_HTTP_ADDR": "\udcff:5000"},
        {"REGISTRY_REFLOAT_WORKERS": 5000 * "9"},
        {"REGISTRY_REFLOAT_WINDOW": 5000 * "9"},
        {"REGISTRY_REFLOAT_WINDOW": "0." + 5000 * "9" + "s"},
        {"REGISTRY_HTTP_HEADERS_X-A_" + 5000 * "9": "a"},
    ],
    ids=lambda variables: str(variables)[:60],
)
def test_odd_values_are_refused_in_words(variables: dict[str, str]) -> None:
    """What Python says of them is for programmers."""
    with pytest.raises(SettingsRefused) as told:
        load(None, {"HOME": "/home/ann", **variables})
    [refusal] = told.value.refusals
    assert not any(word in refusal.sentence for word in ("Exceeds", "codec", "null byte", "surrogates"))


def levels(each: str, last: str) -> str:
    """Return eleven levels of which each names the one before nine times."""
    lines = [f"a0: &a0 {last}"]
    lines += [f"a{level}: &a{level} " + each.replace("?", f"*a{level - 1}") for level in range(1, 12)]
    return BEGIN + "\n".join(lines) + "\n"


BOMBS = {
    "lists": levels("[?, ?, ?, ?, ?, ?, ?, ?, ?]", "[x, x, x, x, x, x, x, x, x]"),
    "sections": levels("{a: ?, b: ?, c: ?, d: ?, e: ?, f: ?, g: ?, h: ?, i: ?}", "{x: y}"),
    "one long list": BEGIN + "a: [" + 20_000 * "x," + "x]\n",
    "many keys": BEGIN + "".join(f"k{number}: v\n" for number in range(20_001)),
    "a large list, many times": BEGIN + "a: &a [" + 5000 * "x," + "x]\nb: [*a, *a, *a, *a]\n",
    "itself": BEGIN + "a: &a [b, *a]\n",
    "a large file": BEGIN + "# " + 256 * 1024 * "x" + "\n",
    "a large file of few letters": BEGIN + "# " + 128 * 1024 * "\xe9" + "\n",
    "brackets": BEGIN + "a: " + 200_000 * "[",
    "brackets that close": BEGIN + "a: " + 100_000 * "[" + 100_000 * "]",
    "braces": BEGIN + "a: " + 60_000 * "{a: ",
    "dashes": 100_000 * "- ",
    "question marks": 100_000 * "? ",
}


def checked(place: Path, text: str) -> str:
    """Let the command look at a configuration, and return why it would not start."""
    path = place / "config.yml"
    path.write_text(text)
    done = subprocess.run(
        [str(REFLOAT), "serve", str(path), "--check-config", "--root", str(place)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SOON, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr[-500:]
    return done.stderr


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_text_no_configuration_is_as_large_as_is_refused_at_once(tmp_path: Path, bomb: str) -> None:
    told = checked(tmp_path, BOMBS[bomb])
    assert told.startswith(f"error: {tmp_path / 'config.yml'}: configuration: ")
    assert len(told) < 1000
    if "large file" in bomb:
        assert "256 KiB" in told
    elif bomb in ("lists", "sections", "one long list", "many keys", "a large list, many times"):
        assert "20000" in told


def test_what_merges_again_and_again_is_only_as_large_as_its_keys(tmp_path: Path) -> None:
    merging = levels("{<<: [?, ?, ?, ?, ?, ?, ?, ?, ?], k: v}", "{window: 2d, lease: 1d}")
    told = checked(tmp_path, merging + "refloat: {<<: *a11, lease: 3d}\n")
    assert "refloat.k: there is no such key" in told


def test_the_largest_configuration_is_read_and_many_odd_keys_take_no_time(tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    text = BEGIN + "".join(f"htpp{number}: v\n" for number in range(9_000))
    path.write_text(text + "# " + (256 * 1024 - len(text) - 3) * "x" + "\n")
    assert path.stat().st_size == 256 * 1024
    assert len(load(path, {"HOME": "/home/ann"}).notices) == 9_000


def test_an_alias_is_a_value_of_its_own(loading: Load) -> None:
    """A variable that changes one place leaves the other."""
    text = "common: &a {X-A: [b]}\nhttp: {headers: *a}\nother: *a"
    loaded = loading(text, {"REGISTRY_HTTP_HEADERS_X-A_0": "c"})
    assert loaded.settings.headers == {"X-A": ("c",)}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\n---\nb: 2", "line 3: another document begins here"),
        ("a: *b", "line 2: found undefined alias 'b'"),
        ("? [a]\n: b", "line 2: a key is not a word"),
        ("http: {<<: [1]}", "line 2: only mappings can be merged in"),
        ("a: b: c", "line 2: mapping values are not allowed"),
    ],
)
def test_what_is_not_yaml_is_told_with_its_line(loading: Load, text: str, sentence: str) -> None:
    [(key, told)] = refused(loading, text)
    assert key == "configuration"
    assert sentence in told
