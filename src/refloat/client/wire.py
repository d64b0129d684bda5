"""One request and its answer, over the standard library's HTTP: its import costs a fifth of any other's.

Redirects are not followed, so nothing meant for one server is ever told another.
"""

import http.client
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from refloat import __version__
from refloat.client.errors import ClientError, Unreachable
from refloat.client.origin import PORTS, Origin
from refloat.language import say

CONNECTING = 10.0  # seconds
AGAIN = frozenset({502, 503, 504})  # what a server or a proxy says while the server starts or is full
PLAIN_ANSWER = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"})  # OpenSSL's words


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Again(Exception):
    """Worth another try, if the request may be repeated."""

    def __init__(self, answer: Answer | None, problem: Exception | None) -> None:
        super().__init__()
        self.answer = answer
        self.problem = problem


class Wire:
    """Requests to one server."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin

    def get(self, path: str, headers: Mapping[str, str], patience: float) -> Answer:
        """Ask, up to four times. `patience` in seconds, for one answer. Raises Unreachable."""

        def once() -> Answer:
            answer = self._once("GET", path, None, headers, patience)
            if answer.status in AGAIN:
                raise _Again(answer, None)
            return answer

        try:
            return _repeated(once)
        except _Again as last:
            if last.answer is not None:
                return last.answer
            raise self._lost(last.problem) from None

    def post(self, path: str, body: bytes, headers: Mapping[str, str], patience: float) -> Answer:
        """Ask once, for it may not be repeated. Raises Unreachable."""
        try:
            return self._once("POST", path, body, {**headers, "Content-Type": "application/json"}, patience)
        except _Again as lost:
            raise Unreachable(
                say("the answer of {server} was lost: {problem}", server=self.origin.netloc, problem=lost.problem),
                (say("whether it did what was asked is not known"),),
                say("refloat log   shows what was done"),
            ) from None

    def _once(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], patience: float) -> Answer:
        connection, address = self._connection(path)
        sent = {"User-Agent": f"refloat/{__version__}", "Accept": "application/json", **headers}
        try:
            self._connect(connection)
            if connection.sock is not None:
                connection.sock.settimeout(patience)
            connection.request(method, address, body, sent)
            reply = connection.getresponse()
            fields = {name.lower(): value for name, value in reply.getheaders()}
            return Answer(reply.status, fields, reply.read())
        except (OSError, http.client.HTTPException) as problem:
            raise _Again(None, problem) from None
        finally:
            connection.close()

    def _connect(self, connection: http.client.HTTPConnection) -> None:
        """Open a connection. What another try would not change is raised as Unreachable."""
        try:
            _open(connection, self.origin)
        except socket.gaierror:
            raise Unreachable(say("{host} has no address: the name does not resolve", host=self.origin.host)) from None
        except ConnectionRefusedError:
            hint = say("refloat serve   starts a registry here") if self.origin.is_loopback else ""
            raise Unreachable(say("nothing listens at {server}", server=self.origin.netloc), hint=hint) from None
        except OSError as problem:
            if (refusal := self._tls_refusal(problem)) is not None:
                raise refusal from None
            raise

    def _tls_refusal(self, problem: OSError) -> Unreachable | None:
        if (untrusted := getattr(problem, "verify_message", None)) is not None:
            return Unreachable(
                say(
                    "the certificate of {server} is not trusted: {reason}",
                    server=self.origin.netloc,
                    reason=untrusted,
                ),
                hint=say("SSL_CERT_FILE=FILE names the authority that signed it"),
            )
        if getattr(problem, "reason", None) in PLAIN_ANSWER:
            return Unreachable(
                say("{server} speaks plain HTTP", server=self.origin.netloc), hint=say("--plain-http, if you mean it")
            )
        return None

    def _lost(self, problem: Exception | None) -> ClientError:
        if isinstance(problem, TimeoutError):
            return Unreachable(say("{server} does not answer", server=self.origin.netloc))
        return Unreachable(
            say(
                "{server} does not answer as a server should: {problem}",
                server=self.origin.netloc,
                problem=problem or say("nothing came"),
            )
        )

    def _connection(self, path: str) -> tuple[http.client.HTTPConnection, str]:
        """Return a connection that is not open yet, and how to name `path` on it."""
        origin = self.origin
        proxy = None if origin.is_loopback else _proxy(origin)
        if proxy is None:
            return _plain_or_tls(origin.scheme, origin.host, origin.port), path
        host, port, authorization = proxy
        connection = _plain_or_tls(origin.scheme, host, port)
        if origin.scheme == "http":
            return connection, f"{origin}{path}"
        connection.set_tunnel(origin.host, origin.port, authorization)
        return connection, path


def _open(connection: http.client.HTTPConnection, origin: Origin) -> None:
    """Connect. A host in bytes spares a local command the import of the tables for international names."""
    if origin.scheme == "http" and origin.is_loopback:
        host: str = origin.host.encode("ascii")  # type: ignore[assignment]
        connection.sock = socket.create_connection((host, origin.port), CONNECTING)
    else:
        connection.connect()


def _plain_or_tls(scheme: str, host: str, port: int) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=CONNECTING)
    return http.client.HTTPSConnection(host, port, timeout=CONNECTING)


def _proxy(origin: Origin) -> tuple[str, int, dict[str, str]] | None:
    """Return the proxy the environment names for a server: host, port and the header that lets one use it."""
    if not any(name.lower() in (f"{origin.scheme}_proxy", "all_proxy") for name in os.environ):
        return None
    from urllib.request import getproxies_environment, proxy_bypass

    proxies = getproxies_environment()
    named = proxies.get(origin.scheme) or proxies.get("all")
    if not named or proxy_bypass(origin.netloc):
        return None
    parts = urlsplit(named if "://" in named else f"http://{named}")
    if parts.scheme != "http" or parts.hostname is None:
        raise Unreachable(say("the proxy {proxy} cannot be used: only http://HOST:PORT is supported", proxy=named))
    return parts.hostname, parts.port or PORTS["http"], _proxy_authorization(parts.username, parts.password)


def _proxy_authorization(user: str | None, password: str | None) -> dict[str, str]:
    if user is None:
        return {}
    from base64 import b64encode
    from urllib.parse import unquote

    pair = f"{unquote(user)}:{unquote(password or '')}".encode()
    return {"Proxy-Authorization": "Basic " + b64encode(pair).decode()}


def _repeated(once: Callable[[], Answer]) -> Answer:
    """Call `once`, and again with growing pauses while it raises _Again."""
    try:
        return once()
    except _Again:
        import stamina
        from stamina.instrumentation import set_on_retry_hooks

        set_on_retry_hooks([])  # it would log
        for attempt in stamina.retry_context(on=_Again, attempts=3, timeout=15.0, wait_initial=0.1, wait_max=2.0):
            with attempt:
                return once()
        raise
