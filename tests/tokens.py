"""A token server of the tests' own, whose tokens docker-registry and distribution 3 check.

Spec: Distribution "Token Authentication", "OAuth2 Token Authentication", "JWT implementation".
"""

import base64
import json
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.certificates import Signer, make_signer
from tests.listening import listening

SERVICE = "registry.tests"
ISSUER = "tests"


@dataclass(frozen=True)
class Asked:
    """One request for a token: by which method, who, for which scopes, and the headers it had."""

    method: str
    user: str
    scopes: tuple[str, ...]
    authorization: str | None


@dataclass
class Rights:
    """Who may do what: of each user the password, and the actions on each repository; `*` is any other.

    `identities` are identity tokens and whose they are. The user "" is anybody.
    """

    passwords: dict[str, str] = field(default_factory=dict)
    identities: dict[str, str] = field(default_factory=dict)
    allowed: dict[str, dict[str, set[str]]] = field(default_factory=dict)

    def granted(self, user: str, name: str, actions: set[str]) -> set[str]:
        """Return what of `actions` a user may do."""
        rules = self.allowed.get(user, {})
        return actions & rules.get(name, rules.get("*", set()))


class TokenServer(ThreadingHTTPServer):
    """Gives tokens. `asked` is what it was asked for, `given` the tokens; `lasts` is in seconds."""

    daemon_threads = True

    def __init__(self, signer: Signer, rights: Rights) -> None:
        super().__init__(("127.0.0.1", 0), _Token)
        self.signer = signer
        self.rights = rights
        self.lasts = 300
        self.asked: list[Asked] = []
        self.given: list[str] = []
        self.bodies: list[bytes] = []
        """What is answered instead, one a request."""

    @property
    def realm(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/token"

    @property
    def settings(self) -> Mapping[str, str]:
        """How a registry is told to ask for these tokens."""
        return {
            "REGISTRY_AUTH": "token",
            "REGISTRY_AUTH_TOKEN_REALM": self.realm,
            "REGISTRY_AUTH_TOKEN_SERVICE": SERVICE,
            "REGISTRY_AUTH_TOKEN_ISSUER": ISSUER,
            "REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE": str(self.signer.certificate),
        }

    def token(self, user: str, scopes: tuple[str, ...]) -> str:
        """Return a token for as much of `scopes` as `user` may do."""
        now = int(time.time())
        claims = {
            "iss": ISSUER, "sub": user, "aud": SERVICE, "exp": now + self.lasts, "nbf": now - 60, "iat": now,
            "jti": secrets.token_hex(8), "access": [self._access(user, scope) for scope in scopes],
        }  # fmt: skip
        header = {"typ": "JWT", "alg": "RS256", "x5c": [self.signer.der]}
        signed = f"{_coded(json.dumps(header).encode())}.{_coded(json.dumps(claims).encode())}"
        text = f"{signed}.{_coded(self.signer.sign(signed.encode()))}"
        self.given.append(text)
        return text

    def _access(self, user: str, scope: str) -> dict[str, object]:
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        granted = self.rights.granted(user, name, set(actions.split(",")))
        return {"type": kind, "name": name, "actions": sorted(granted)}


class _Token(BaseHTTPRequestHandler):
    server: TokenServer

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        given = self.headers.get("Authorization")
        user = self._by_password(given)
        self._answer("GET", user, tuple(query.get("scope", [])), "token")

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        user = self.server.rights.identities.get(form["refresh_token"][0])
        assert form["grant_type"] == ["refresh_token"]
        self._answer("POST", user, tuple(form["scope"][0].split()), "access_token")

    def _by_password(self, given: str | None) -> str | None:
        if given is None:
            return ""
        user, _, password = base64.b64decode(given.removeprefix("Basic ")).decode().partition(":")
        return user if self.server.rights.passwords.get(user) == password else None

    def _answer(self, method: str, user: str | None, scopes: tuple[str, ...], name: str) -> None:
        self.server.asked.append(Asked(method, user or "", scopes, self.headers.get("Authorization")))
        if user is None:
            self._send(401, b'{"details": "incorrect username or password"}')
        elif self.server.bodies:
            self._send(200, self.server.bodies.pop(0))
        else:
            document = {name: self.server.token(user, scopes), "expires_in": self.server.lasts}
            self._send(200, json.dumps(document).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _coded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@contextmanager
def token_server(place: Path, rights: Rights) -> Iterator[TokenServer]:
    """Run a token server whose key is in `place`."""
    server = TokenServer(make_signer(place, "tokens"), rights)
    with listening(server):
        yield server
