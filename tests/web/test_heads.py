"""The head of a request as RFC 9110 and 9112 have it: lines of one name, the host it is for, what OPTIONS answers."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.conftest import Serve
from tests.web.conftest import Line, Seeded
from tests.web.test_reading import first_error
from tools.serving import Served

Connect = Callable[[Served], Line]
END = b"\r\n\r\n"
BROWSERS = """\
version: 0.1
storage: {delete: {enabled: true}}
http:
  headers:
    Access-Control-Allow-Origin: ["*"]
    Access-Control-Allow-Methods: ["HEAD,GET,OPTIONS,DELETE"]
    Access-Control-Allow-Headers: ["Authorization,Accept"]
    Access-Control-Expose-Headers: ["Docker-Content-Digest"]
"""


def said(line: Line, *lines: str) -> bytes:
    """Send a head as it is and return the head of the answer."""
    line.say("\r\n".join(lines).encode("latin-1") + END)
    return line.heard(END)


def status(answer: bytes) -> int:
    return int(answer.split(b" ")[1])


# what may be done at an address


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v2/", "GET, HEAD"),
        ("/v2/_catalog", "GET, HEAD"),
        ("{r}/tags/list", "GET, HEAD"),
        ("{r}/referrers/{image}", "GET, HEAD"),
        ("{r}/manifests/v1", "GET, HEAD, PUT, DELETE"),
        ("{r}/manifests/{nothing}", "GET, HEAD, PUT, DELETE"),
        ("/v2/no/where/manifests/v1", "GET, HEAD, PUT, DELETE"),
        ("{r}/blobs/{layer}", "GET, HEAD, DELETE"),
        ("{r}/blobs/uploads/", "POST"),
        ("{r}/blobs/uploads/unknown", "GET, HEAD, PATCH, PUT, DELETE"),
    ],
)
def test_options_says_what_may_be_done(seeded: Seeded, path: str, methods: str) -> None:
    answer = seeded.ask("OPTIONS", path)
    assert (answer.status, answer.body) == (204, b"")
    assert set(answer.headers["allow"].split(", ")) == {*methods.split(", "), "OPTIONS"}


@pytest.mark.parametrize("path", ["/nowhere", "/v3/", "/v2/no/such/thing", "/v2/a/tags", "*"])
def test_options_of_nothing_is_nothing(seeded: Seeded, path: str) -> None:
    assert seeded.ask("OPTIONS", path).status == 404


@pytest.fixture(scope="module")
def browsed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with the configuration that pages of another origin ask for."""
    place = tmp_path_factory.mktemp("browsed")
    (place / "config.yml").write_text(BROWSERS)
    with Served(place / "root", place / "log", {"REGISTRY_CONFIGURATION_PATH": str(place / "config.yml")}) as served:
        yield served


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("path", ["/v2/", "/v2/_catalog", "/v2/a/b/tags/list", "/v2/a/b/manifests/1"])
def test_a_browser_that_asks_first_is_let_through(browsed: Served, path: str, method: str) -> None:
    """Fetch standard, "CORS-preflight fetch": an ok status, the origin, the method and each header named."""
    answer = browsed.wire.ask(
        "OPTIONS", path, None, Origin="http://ui.example", Access_Control_Request_Method=method,
        Access_Control_Request_Headers="authorization",
    )  # fmt: skip
    assert 200 <= answer.status <= 299
    assert answer.headers["access-control-allow-origin"] in ("*", "http://ui.example")
    assert method in answer.headers["access-control-allow-methods"].replace(" ", "").split(",")
    assert "authorization" in answer.headers["access-control-allow-headers"].lower().replace(" ", "").split(",")


def test_a_page_of_another_origin_may_not_ask_the_management_api_first(browsed: Served) -> None:
    for path in ("/v2/_refloat/v1/", "/v2/_refloat/v1/remove", "/v2/_refloat/v1/nowhere"):
        asked = {"Origin": "http://ui.example", "Access_Control_Request_Method": "POST"}
        answer = browsed.wire.ask("OPTIONS", path, None, **asked)
        assert answer.status in (403, 404, 405), path


# lines of one name


def test_a_second_line_counts(registry: Served, seeded: Seeded, connect: Connect) -> None:
    for method, path in (("GET", "{r}/manifests/v1"), ("HEAD", "{r}/blobs/{layer}"), ("GET", "{r}/blobs/{layer}")):
        tag = seeded.place("{image}" if "manifests" in path else "{layer}")
        answer = said(
            connect(registry), f"{method} {seeded.place(path)} HTTP/1.1", "Host: r",
            'If-None-Match: "other"', f'If-None-Match: "{tag}"', 'if-none-match: "third"',
        )  # fmt: skip
        assert status(answer) == 304, path


def test_a_second_condition_on_a_push_counts(registry: Served, seeded: Seeded, connect: Connect) -> None:
    """`v1` is there, so a push that names its value among those it must not have, or not among those, is refused."""
    path, body = seeded.place("{r}/manifests/v1"), seeded.image.body
    head = (f"PUT {path} HTTP/1.1", "Host: r", f"Content-Length: {len(body)}")
    tag = seeded.image.digest
    line = connect(registry)
    line.say("\r\n".join([*head, 'If-None-Match: "x"', f'If-None-Match: "{tag}"']).encode() + END + body)
    assert status(line.heard(END)) == 412
    line = connect(registry)
    line.say("\r\n".join([*head, 'If-Match: "x"', f'If-Match: "{tag}"']).encode() + END + body)
    assert status(line.heard(END)) == 201


def test_two_ranges_in_two_lines_are_as_two_in_one(registry: Served, seeded: Seeded, connect: Connect) -> None:
    answer = said(
        connect(registry), f"GET {seeded.place('{r}/blobs/{layer}')} HTTP/1.1", "Host: r", "Range: bytes=0-1",
        "Range: bytes=5-6",
    )  # fmt: skip
    assert status(answer) == 200


# the host


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("Host: ",),
        ("Host: one", "Host: two"),
        ("Host: one", "Host: one"),
        ('Host: evil"><x',),
        ("Host: a b",),
        ("Host: a/b",),
        ("Host: user@host",),
        ("Host: a?b",),
        ("Host: r\xe9gistry",),
    ],
    ids=repr,
)
@pytest.mark.parametrize("path", ["/v2/", "/", "/nowhere", "/v2/_refloat/v1/"])
def test_a_request_is_for_one_host(registry: Served, connect: Connect, lines: tuple[str, ...], path: str) -> None:
    answer = said(connect(registry), f"GET {path} HTTP/1.1", *lines)
    assert status(answer) == 400


@pytest.mark.parametrize(
    ("version", "lines"),
    [("1.0", ()), ("1.0", ("Host: r",)), ("1.1", ("Host: reg_1.example.:5000",)),
     ("1.1", ("Host: [::1]:5000",)), ("1.1", ("Host: 10.0.0.1",))],
    ids=repr,
)  # fmt: skip
def test_a_host_that_is_one_is_let_through(
    registry: Served, connect: Connect, version: str, lines: tuple[str, ...]
) -> None:
    assert status(said(connect(registry), f"GET /v2/ HTTP/{version}", *lines)) == 200


def test_a_refused_push_leaves_the_connection_usable(registry: Served, connect: Connect) -> None:
    line = connect(registry)
    line.say(b"PUT /v2/a/manifests/v1 HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
    answer = line.heard(b"]}")
    assert status(answer) == 400
    assert b"Host" in answer


@pytest.fixture(scope="module")
def absolute(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that writes whole addresses and was not told its own."""
    place: Path = tmp_path_factory.mktemp("absolute")
    with Served(place / "root", place / "log", {"REGISTRY_HTTP_RELATIVEURLS": "false"}) as served:
        yield served


UPLOADS = "/v2/p/blobs/uploads/"
NAMED: list[tuple[Mapping[str, str], str]] = [
    ({"Host": "reg.example.com:5000"}, f"http://reg.example.com:5000{UPLOADS}"),
    ({"Host": "[2001:db8::1]:5000"}, f"http://[2001:db8::1]:5000{UPLOADS}"),
    ({"X-Forwarded-Host": "reg.example.com"}, f"http://reg.example.com{UPLOADS}"),
    ({"X-Forwarded-Host": "reg.example.com, internal:8080", "X-Forwarded-Proto": "https"},
     f"https://reg.example.com{UPLOADS}"),
    ({"X-Forwarded-Host": " reg.example.com ,b", "X-Forwarded-Proto": "HTTPS , http"},
     f"https://reg.example.com{UPLOADS}"),
    ({"X-Forwarded-Host": ""}, f"http://r{UPLOADS}"),
    # what names no place is not gone to: the address is relative then, which is right for every client
    ({"X-Forwarded-Proto": "javascript"}, UPLOADS),
    ({"X-Forwarded-Proto": "https://evil/?"}, UPLOADS),
    ({"X-Forwarded-Proto": "https:"}, UPLOADS),
    ({"X-Forwarded-Host": "evil.com/x?y="}, UPLOADS),
    ({"X-Forwarded-Host": 'evil"><x'}, UPLOADS),
    ({"X-Forwarded-Host": "a b"}, UPLOADS),
    ({"X-Forwarded-Host": "user@evil.com"}, UPLOADS),
    ({"X-Forwarded-Host": "evil.com:99999"}, UPLOADS),
    ({"X-Forwarded-Host": "evil.com:5000:1"}, UPLOADS),
    ({"X-Forwarded-Host": "-evil.com"}, UPLOADS),
    ({"X-Forwarded-Host": "r\xe9g"}, UPLOADS),
    ({"X-Forwarded-Host": "a" * 300}, UPLOADS),
    ({"X-Forwarded-Host": "[::zz]"}, UPLOADS),
    ({"Host": "a,b"}, UPLOADS),
    ({"Host": "a'b"}, UPLOADS),
]  # fmt: skip


@pytest.mark.parametrize(("headers", "address"), NAMED, ids=lambda value: str(value)[:60])
def test_an_address_names_a_place_or_is_relative(
    absolute: Served, connect: Connect, headers: Mapping[str, str], address: str
) -> None:
    fields = {"Host": "r", **headers, "Content-Length": "0"}
    answer = said(connect(absolute), f"POST {UPLOADS} HTTP/1.1", *(f"{name}: {text}" for name, text in fields.items()))
    [location] = [line for line in answer.decode().split("\r\n") if line.startswith("location: ")]
    assert location.startswith(f"location: {address}")


def test_a_list_of_hosts_in_two_lines(absolute: Served, connect: Connect) -> None:
    answer = said(
        connect(absolute), f"POST {UPLOADS} HTTP/1.1", "Host: r", "Content-Length: 0",
        "X-Forwarded-Host: one", "X-Forwarded-Host: two",
    )  # fmt: skip
    assert f"location: http://one{UPLOADS}".encode() in answer


# how what was deleted comes back


@pytest.fixture
def deleted(registry: Served, seeded: Seeded) -> tuple[str, str]:
    """A tag that was deleted: its path, and the change."""
    name, tag = "web/heads", "gone"
    for part in (seeded.config, seeded.layer):
        registry.wire.push_blob(name, part)
    registry.wire.push_manifest(name, tag, seeded.image)
    return f"/v2/{name}/manifests/{tag}", registry.wire.delete(name, tag).expect(202).headers["refloat-change"]


@pytest.mark.parametrize(
    ("headers", "elsewhere"),
    [
        ({}, ""),
        ({"Host": "localhost:5000"}, ""),
        ({"Host": "127.0.0.1:5013"}, ""),
        ({"Host": "[::1]:5000"}, ""),
        ({"Host": "registry.example.com"}, " --host registry.example.com"),
        ({"Host": "registry.example.com:5000"}, " --host registry.example.com:5000"),
        ({"Host": "10.0.0.7:5000"}, " --host 10.0.0.7:5000"),
        ({"Host": "127.0.0.1:5000", "X_Forwarded_Host": "registry.example.com"}, " --host registry.example.com"),
        ({"Host": "a;rm"}, ""),
        ({"Host": "$(x)"}, ""),
        ({"X_Forwarded_Host": "a; rm -rf /"}, ""),
        ({"X_Forwarded_Host": "--plain-http"}, ""),
    ],
    ids=repr,
)
def test_the_way_back_says_where(
    registry: Served, deleted: tuple[str, str], headers: Mapping[str, str], elsewhere: str
) -> None:
    path, change = deleted
    command = f"refloat undo {change}{elsewhere}"
    told = registry.wire.ask("GET", path, None, **headers).expect(404)
    assert first_error(told)["message"] == f"gone was deleted from web/heads; {command} brings it back"
    looked = registry.wire.ask("HEAD", path, None, **headers).expect(404)
    assert looked.body == b""
    assert looked.headers["warning"] == f'299 - "gone was deleted from web/heads; {command} brings it back"'
    assert looked.headers["warning"] == told.headers["warning"]
    registry.wire.ask("POST", f"/v2/_refloat/v1/changes/{change}/undo", b"{}").expect(201)
    gone = registry.wire.ask("DELETE", path, None, **headers).expect(202)
    assert gone.headers["warning"].endswith(f': refloat undo {gone.headers["refloat-change"]}{elsewhere}"')


@pytest.mark.parametrize(
    ("host", "elsewhere"),
    [
        ("https://registry.example.com", " --host registry.example.com"),
        ("https://registry.example.com:8443/hub", " --host registry.example.com:8443"),
        ("registry.example.com", " --host registry.example.com"),
        ("http://registry.example.com:5000", " --host registry.example.com:5000 --plain-http"),
        ("http://localhost:5000", ""),
    ],
)
def test_the_configured_host_goes_first(serve: Serve, seeded: Seeded, host: str, elsewhere: str) -> None:
    served = serve(REGISTRY_HTTP_HOST=host)
    for part in (seeded.config, seeded.layer):
        served.wire.push_blob("a", part)
    served.wire.push_manifest("a", "v1", seeded.image)
    gone = served.wire.ask("DELETE", "/v2/a/manifests/v1", None, X_Forwarded_Host="other.example")
    command = f"refloat undo {gone.headers['refloat-change']}{elsewhere}"
    assert gone.headers["warning"].endswith(f': {command}"')
    assert f"; {command} brings" in served.wire.ask("HEAD", "/v2/a/manifests/v1").headers["warning"]


def test_what_never_was_is_told_without_a_warning(seeded: Seeded) -> None:
    for reference in ("never", "{nothing}"):
        answer = seeded.ask("HEAD", f"{{r}}/manifests/{reference}")
        assert (answer.status, answer.headers.get("warning")) == (404, None)
