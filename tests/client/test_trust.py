"""What is told to whom: redirects, places of uploads, realms, certificates. What is secret reaches nobody else."""

import base64
import http.client
import json
import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from refloat.client.asking import Asking, Place
from refloat.client.errors import Broken, ClientError, NotAllowed, Refused, Unreachable
from refloat.client.origin import parse_address, parse_origin
from refloat.client.registry import Registry
from refloat.client.tokens import may_be_told, parse_realm
from refloat.core.media import OCI_INDEX
from refloat.core.names import Digest
from tests.certificates import Signer, make_server_certificate
from tests.client.scripted import Say, Scripted, Seen, scripted
from tests.client.test_authentication import EMPTY, HTPASSWD, PASSWORD, told
from tests.programs import needed
from tools.bench.servers import Server, free_port, kinds, spawn
from tools.serving import wait_until

BASIC = "Basic " + base64.b64encode(f"bob:{PASSWORD}".encode()).decode()
TOKEN = "a-token-of-bob"
SMALL = os.urandom(100_000)
LARGE = os.urandom((9 << 20) + 1)


def at(address: str, login: tuple[str, str] | None = ("bob", PASSWORD)) -> Registry:
    return Registry(parse_origin(address, "loopback"), login)


def asking_who(answer: Callable[[Seen], Say], challenge: str = 'Basic realm="here"') -> Callable[[Seen], Say]:
    """Answer only who says who they are."""

    def asked(seen: Seen) -> Say:
        return answer(seen) if "authorization" in seen.headers else Say(401, {"WWW-Authenticate": challenge})

    return asked


@pytest.fixture
def storage() -> Iterator[Scripted]:
    """Storage that is another server than the registry, and knows ranges."""

    def answer(seen: Seen) -> Say:
        first, _, last = seen.headers.get("range", "bytes=0-").removeprefix("bytes=").partition("-")
        body = SMALL[int(first) : int(last) + 1 if last else None]
        said = f"bytes {first}-{int(first) + len(body) - 1}/{len(SMALL)}"
        return Say(206 if "range" in seen.headers else 200, {"Content-Range": said}, body)

    with scripted(answer) as server:
        yield server


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_download_is_followed_and_nothing_secret_goes_along(storage: Scripted, status: int) -> None:
    place = f"http://{storage.address}/bucket/key?signature=s"
    with scripted(asking_who(lambda seen: Say(status, {"Location": place}))) as server:
        registry = at(server.address)
        digest = Digest.of(SMALL)
        assert b"".join(registry.download("any/one", digest)) == SMALL
        assert registry.piece("any/one", digest, 7, 99) == SMALL[7:100]
        assert registry.size("any/one", digest) == len(SMALL)
        assert {seen.headers.get("authorization") for seen in server.seen} == {None, BASIC}
    assert {seen.path for seen in storage.seen} == {"/bucket/key?signature=s"}
    assert not any("authorization" in seen.headers for seen in storage.seen)


def test_a_redirect_that_stays_keeps_who_asks(storage: Scripted) -> None:
    def answer(seen: Seen) -> Say:
        return Say(200, {}, SMALL) if seen.path == "/other" else Say(307, {"Location": "/other"})

    with scripted(asking_who(answer)) as server:
        assert b"".join(at(server.address).download("any/one", Digest.of(SMALL))) == SMALL
        assert [seen.headers.get("authorization") for seen in server.seen] == [None, BASIC, BASIC]


def test_redirects_end() -> None:
    with scripted(lambda seen: Say(307, {"Location": seen.path + "a"})) as server:
        with pytest.raises(Broken, match=r"around in a circle"):
            list(at(server.address).download("any/one", Digest.of(SMALL)))
        assert len(server.seen) == 6


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_what_writes_is_not_sent_elsewhere(storage: Scripted, status: int) -> None:
    with scripted(asking_who(lambda seen: Say(status, {"Location": f"http://{storage.address}/x?secret=s"}))) as server:
        registry = at(server.address)
        acts: list[Callable[[], object]] = [
            lambda: registry.delete("any/one", Digest.of(EMPTY)),
            lambda: registry.delete("any/one", "v1"),
            lambda: registry.put("any/one", "v1", OCI_INDEX, EMPTY),
            lambda: registry.mount("any/one", Digest.of(SMALL), "any/two"),
            lambda: registry.upload("any/one", Digest.of(SMALL), len(SMALL), lambda first: iter([SMALL])),
        ]
        for act in acts:
            with pytest.raises(Unreachable, match=r"sends its callers to http://127\.0\.0\.1, which is not") as refused:
                act()
            assert "secret=s" not in told(refused.value)
    assert storage.seen == []


@pytest.mark.parametrize("blob", [SMALL, LARGE], ids=["small", "large"])
def test_an_upload_to_another_server_goes_there_alone(blob: bytes) -> None:
    taken = bytearray()

    def bucket_answer(seen: Seen) -> Say:
        taken.extend(seen.body)
        if seen.method == "PUT":
            return Say(201)
        return Say(202, {"Location": "/bucket/next?signature=t", "Range": f"0-{len(taken) - 1}"})

    with ExitStack() as stack:
        bucket = stack.enter_context(scripted(bucket_answer))
        session = f"http://{bucket.address}/bucket/first?signature=s"
        server = stack.enter_context(scripted(asking_who(lambda seen: Say(202, {"Location": session}))))
        at(server.address).upload("any/one", Digest.of(blob), len(blob), lambda first: iter([blob[first:]]))
        assert [str(seen) for seen in server.seen] == ["POST /v2/any/one/blobs/uploads/"] * 2
        assert not any("authorization" in seen.headers for seen in bucket.seen)
        assert bucket.seen[-1].path.endswith(f"digest={Digest.of(blob).replace(':', '%3A')}")
    assert taken == blob


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/v2/other?a=b", "https://reg.example.com/v2/other?a=b"),
        ("next", "https://reg.example.com/v2/one/next"),
        ("https://storage.example.com/key", "https://storage.example.com/key"),
        ("//storage.example.com", "https://storage.example.com/"),
        ("http://reg.example.com/v2/x", "https://reg.example.com/v2/x"),
        ("http://reg.example.com:443/v2/x", "https://reg.example.com/v2/x"),
        ("http://reg.example.com:8080/v2/x", None),
        ("http://storage.example.com/key", None),
        ("http://127.0.0.1/key", None),
        ("https://localhost/key", None),
        ("https://[::1]/key", None),
        ("ftp://reg.example.com/key", None),
        ("file:///etc/passwd", None),
        ("https://bob:secret@reg.example.com/key", None),
        ("https://storage.example.com/a b", None),
        ("https://storage.example.com/\u00e9", None),
        ("https://[broken/key", None),
        ("", None),
    ],
)
def test_places_that_are_gone_to(location: str, expected: str | None) -> None:
    asking = Asking(parse_origin("reg.example.com", "loopback"), None)
    near = Place(asking.origin, "/v2/one/two")
    if expected is None:
        with pytest.raises(Broken):
            asking.place(near, location)
    else:
        place = asking.place(near, location)
        assert f"{place.origin}{place.path}" == expected


REALMS = [
    # registry, realm, is it asked, is it told the password
    ("https://reg.example.com", "https://auth.example.com/token", True, True),
    ("https://reg.example.com", "https://reg.example.com/token", True, True),
    ("https://reg.example.com", "http://auth.example.com/token", False, False),
    ("https://reg.example.com", "http://reg.example.com/token", False, False),
    ("https://reg.example.com", "https://127.0.0.1/token", False, False),
    ("http://reg.example.com", "http://auth.example.com/token", True, False),
    ("http://reg.example.com", "http://reg.example.com/token", True, True),
    ("http://reg.example.com", "http://reg.example.com:81/token", True, False),
    ("http://reg.example.com", "https://auth.example.com/token", True, True),
    ("http://reg.example.com", "http://localhost/token", False, False),
    ("http://127.0.0.1:5000", "http://127.0.0.1:5001/token", True, True),
    ("http://127.0.0.1:5000", "http://auth.example.com/token", True, False),
    ("https://reg.example.com", "https://bob@auth.example.com/", False, False),
    ("https://reg.example.com", "https://[broken", False, False),
    ("https://reg.example.com", "nonsense", False, False),
]


@pytest.mark.parametrize(("registry", "realm", "asked", "told_password"), REALMS)
def test_realms(registry: str, realm: str, asked: bool, told_password: bool) -> None:
    origin = parse_origin(registry, "allowed")
    if not asked:
        with pytest.raises(NotAllowed):
            parse_realm(origin, realm, "s")
        return
    found = parse_realm(origin, realm, "s")
    assert found.origin == parse_address(realm)[0]
    assert may_be_told(origin, found.origin) == told_password


def test_a_token_goes_to_the_registry_alone(storage: Scripted) -> None:
    with ExitStack() as stack:
        realm = stack.enter_context(scripted(lambda seen: Say(200, {}, json.dumps({"token": TOKEN}).encode())))
        challenge = f'Bearer realm="http://{realm.address}/t?tenant=1",service="s",scope="repository:any/one:pull"'
        place = f"http://{storage.address}/key"
        server = stack.enter_context(scripted(asking_who(lambda seen: Say(307, {"Location": place}), challenge)))
        assert b"".join(at(server.address).download("any/one", Digest.of(SMALL))) == SMALL
        assert [seen.headers.get("authorization") for seen in server.seen] == [None, f"Bearer {TOKEN}"]
        assert [seen.headers.get("authorization") for seen in realm.seen] == [BASIC]
        assert realm.seen[0].path == "/t?tenant=1&service=s&scope=repository%3Aany%2Fone%3Apull&account=bob"
    assert not any("authorization" in seen.headers for seen in storage.seen)


def test_a_token_server_without_the_word_delete_is_asked_for_what_the_registry_calls_it() -> None:
    def token(seen: Seen) -> Say:
        return Say(400) if "delete" in seen.path else Say(200, {}, json.dumps({"token": TOKEN}).encode())

    with ExitStack() as stack:
        realm = stack.enter_context(scripted(token))
        challenge = f'Bearer realm="http://{realm.address}/t",scope="repository:any/one:pull,push"'
        server = stack.enter_context(scripted(asking_who(lambda seen: Say(202), challenge)))
        registry = at(server.address)
        assert registry.delete("any/one", Digest.of(EMPTY))
        assert registry.delete("any/one", Digest.of(SMALL))
        assert [seen.headers.get("authorization") for seen in server.seen] == [None, *[f"Bearer {TOKEN}"] * 2]
        assert registry.delete("any/two", Digest.of(EMPTY))
        asked = [parse_qs(urlsplit(seen.path).query)["scope"] for seen in realm.seen]
    assert asked[:2] == [["repository:any/one:pull,push,delete"], ["repository:any/one:pull,push"]]


def test_a_token_server_that_sends_elsewhere_is_not_followed(storage: Scripted) -> None:
    with ExitStack() as stack:
        realm = stack.enter_context(scripted(lambda seen: Say(307, {"Location": f"http://{storage.address}/"})))
        challenge = f'Bearer realm="http://{realm.address}/t"'
        server = stack.enter_context(scripted(asking_who(lambda seen: Say(200), challenge)))
        with pytest.raises(Unreachable, match=r"which is not followed"):
            at(server.address).manifest("any/one", "v1")
    assert storage.seen == []


@pytest.mark.parametrize(
    "challenge", ["Negotiate", "", 'Bearer realm="http://auth.example.com"', 'Bearer service="s"', "Basic\nNegotiate"]
)
def test_challenges_of_all_kinds_end_in_words(challenge: str) -> None:
    with (
        scripted(lambda seen: Say(401, {"WWW-Authenticate": challenge})) as server,
        pytest.raises(ClientError) as refused,
    ):
        at(server.address).manifest("any/one", "v1")
    assert PASSWORD not in told(refused.value)
    assert BASIC not in told(refused.value)


def test_a_rule_of_a_registry_that_asks_nobody_is_told_as_it_is() -> None:
    body = b'{"errors":[{"code":"DENIED","message":"v1 is immutable \\u001b[2J","detail":{"tag":"v1"}}]}'
    with scripted(lambda seen: Say(403, {}, body)) as server, pytest.raises(Refused) as refused:
        at(server.address, None).delete("any/one", "v1")
    assert (refused.value.status, refused.value.code, refused.value.detail) == (403, "DENIED", {"tag": "v1"})
    assert refused.value.message == f"{server.address} answers 403: v1 is immutable ?[2J"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return make_server_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def over_tls(certificate: Signer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A docker-registry that speaks TLS and asks for user and password; yields its HOST:PORT."""
    needed("docker-registry")
    place = tmp_path_factory.mktemp("over-tls")
    (place / "htpasswd").write_text(HTPASSWD)
    (place / "root").mkdir()
    settings = {
        "REGISTRY_HTTP_TLS_CERTIFICATE": str(certificate.certificate),
        "REGISTRY_HTTP_TLS_KEY": str(certificate.key),
        "REGISTRY_AUTH": "htpasswd",
        "REGISTRY_AUTH_HTPASSWD_REALM": "here",
        "REGISTRY_AUTH_HTPASSWD_PATH": str(place / "htpasswd"),
    }
    port = free_port()
    server = Server(kinds()["docker-registry"], place / "root", address=f"127.0.0.1:{port}")
    with (place / "log").open("ab") as log:
        server.process = spawn(server.kind.command(server.root, port), log.fileno(), settings)
    try:
        wait_until(lambda: _speaks_tls(port), 60, lambda: (place / "log").read_text())
        yield server.address
    finally:
        server.stop()


def _speaks_tls(port: int) -> bool:
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=ssl._create_unverified_context())
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().status == 401
    except OSError:
        return False
    finally:
        connection.close()


def test_a_certificate_that_is_named_is_trusted(
    over_tls: str, certificate: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))
    registry = at(f"https://{over_tls}")
    digest = Digest.of(LARGE)
    registry.upload("team/api", digest, len(LARGE), lambda first: iter([LARGE[first:]]))
    assert b"".join(registry.download("team/api", digest)) == LARGE


def test_a_certificate_that_is_not_trusted_ends_it(over_tls: str) -> None:
    with pytest.raises(Unreachable, match=r"the certificate of .* is not trusted") as refused:
        at(f"https://{over_tls}").manifest("team/api", "v1")
    assert refused.value.hint.startswith("SSL_CERT_FILE")


def test_tls_is_not_asked_of_who_speaks_none(storage: Scripted) -> None:
    with pytest.raises(Unreachable, match=r"speaks plain HTTP"):
        at(f"https://{storage.address}").manifest("team/api", "v1")
    assert storage.seen == []


def test_a_registry_behind_a_proxy_that_ends_tls_without_telling(
    certificate: Signer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))

    def answer(seen: Seen) -> Say:
        return Say(201) if seen.method == "PUT" else Say(202, {"Location": f"http://{seen.headers['host']}/session"})

    with scripted(asking_who(answer), certificate) as server:
        at(f"https://{server.address}").upload("any/one", Digest.of(SMALL), len(SMALL), lambda first: iter([SMALL]))
        assert [seen.headers.get("authorization") for seen in server.seen] == [None, BASIC, BASIC]
