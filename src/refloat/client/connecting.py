"""One connection to a server: opened over TLS or plainly, by way of the environment's proxy, refusals in words."""

import http.client
import os
import socket
from urllib.parse import urlsplit

from refloat.client.errors import ClientError, Unreachable
from refloat.client.origin import PORTS, Origin
from refloat.language import say

CONNECTING = 10.0  # seconds
PLAIN_ANSWER = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"})  # OpenSSL's words


def connect(connection: http.client.HTTPConnection, origin: Origin) -> None:
    """Open a connection. What another try would not change is raised as Unreachable, all else as OSError."""
    try:
        _open(connection, origin)
    except socket.gaierror:
        raise Unreachable(say("{host} has no address: the name does not resolve", host=origin.host)) from None
    except ConnectionRefusedError:
        hint = say("refloat serve   starts a registry here") if origin.is_loopback else ""
        raise Unreachable(say("nothing listens at {server}", server=origin.netloc), hint=hint) from None
    except OSError as problem:
        if (refusal := _tls_refusal(problem, origin)) is not None:
            raise refusal from None
        raise


def _tls_refusal(problem: OSError, origin: Origin) -> Unreachable | None:
    if (untrusted := getattr(problem, "verify_message", None)) is not None:
        return Unreachable(
            say("the certificate of {server} is not trusted: {reason}", server=origin.netloc, reason=untrusted),
            hint=say("SSL_CERT_FILE=FILE names the authority that signed it"),
        )
    if getattr(problem, "reason", None) in PLAIN_ANSWER:
        return Unreachable(
            say("{server} speaks plain HTTP", server=origin.netloc), hint=say("--plain-http, if you mean it")
        )
    return None


def lost(origin: Origin, problem: Exception | None) -> ClientError:
    """Return what to tell of a server that took the request and did not answer it."""
    if isinstance(problem, TimeoutError):
        return Unreachable(say("{server} does not answer", server=origin.netloc))
    return Unreachable(
        say(
            "{server} does not answer as a server should: {problem}",
            server=origin.netloc,
            problem=problem or say("nothing came"),
        )
    )


def connection_to(origin: Origin, path: str) -> tuple[http.client.HTTPConnection, str]:
    """Return a connection that is not open yet, and how to name `path` on it."""
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
        shown = f"{parts.scheme}://{parts.hostname or ''}"  # never the user and password it may have
        raise Unreachable(say("the proxy {proxy} cannot be used: only http://HOST:PORT is supported", proxy=shown))
    return parts.hostname, parts.port or PORTS["http"], _proxy_authorization(parts.username, parts.password)


def _proxy_authorization(user: str | None, password: str | None) -> dict[str, str]:
    if user is None:
        return {}
    from base64 import b64encode
    from urllib.parse import unquote

    pair = f"{unquote(user)}:{unquote(password or '')}".encode()
    return {"Proxy-Authorization": "Basic " + b64encode(pair).decode()}
