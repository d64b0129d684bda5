"""Asks a token server for a token. Spec: Distribution "Token Authentication" and "OAuth2 Token Authentication".

The server is named by the registry, so it is another party: see `may_be_told` for what it is told.
"""

import json
import re
from dataclasses import dataclass
from urllib.parse import urlencode

from refloat.client.credentials import Credentials
from refloat.client.errors import BadHost, Broken, NotAllowed
from refloat.client.exchange import Exchange, Reply, Request
from refloat.client.origin import Origin, parse_address
from refloat.client.refusals import refusal
from refloat.client.scopes import Scopes, written
from refloat.language import say

CLIENT = "refloat"
LASTS = 60.0  # seconds, where the server does not say
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")  # RFC 6750 2.1


@dataclass(frozen=True, slots=True)
class Realm:
    """Where tokens come from, and for which service. `path` has the query that the registry gave it."""

    origin: Origin
    path: str
    service: str


@dataclass(frozen=True, slots=True)
class Token:
    """A token and how long it lasts, in seconds."""

    text: str
    lasts: float


def parse_realm(registry: Origin, address: str, service: str) -> Realm:
    """Return a realm that may be asked. Raises NotAllowed.

    A registry does not send its callers to what only this machine sees, nor from HTTPS to plain HTTP.
    """
    try:
        origin, path = parse_address(address)
    except BadHost:
        raise NotAllowed(say("{server} wants a token from nowhere", server=registry.netloc)) from None
    if origin != registry and not _is_as_safe(registry, origin):
        raise NotAllowed(
            say("{server} wants a token from {where}, which is not asked", server=registry.netloc, where=origin)
        )
    return Realm(origin, path, service)


def _is_as_safe(registry: Origin, realm: Origin) -> bool:
    if realm.is_loopback:
        return registry.is_loopback
    return realm.scheme == "https" or registry.scheme == "http"


def may_be_told(registry: Origin, realm: Origin) -> bool:
    """May a realm be told the password for a registry? Never over plain HTTP off this machine, but to the registry."""
    return realm == registry or realm.scheme == "https" or (realm.is_loopback and registry.is_loopback)


def ask_for_token(exchange: Exchange, realm: Realm, credentials: Credentials | None, scopes: Scopes) -> Token:
    """Return a token for scopes, anonymous without credentials. Raises what client.errors names."""
    if credentials is not None and credentials.identity_token:
        request, headers = _by_identity(realm, credentials.identity_token, scopes), {}
    else:
        request = _by_get(realm, credentials, scopes)
        headers = {} if credentials is None else {"Authorization": credentials.authorization}
    reply = exchange.send(request, {"Accept": "application/json", **headers}, "whole")
    if reply.status in (401, 403):
        raise NotAllowed(say("{server}: authentication required", server=realm.origin.netloc))
    if reply.status != 200:
        raise refusal(realm.origin, reply)
    return _token(realm, reply)


def _by_get(realm: Realm, credentials: Credentials | None, scopes: Scopes) -> Request:
    query = [("service", realm.service)] if realm.service else []
    query += [("scope", scope) for scope in written(scopes)]
    query += [("account", credentials.user)] if credentials is not None else []
    mark = "&" if "?" in realm.path else "?"
    return Request("GET", f"{realm.path}{mark}{urlencode(query)}" if query else realm.path)


def _by_identity(realm: Realm, token: str, scopes: Scopes) -> Request:
    form = {
        "grant_type": "refresh_token",
        "service": realm.service,
        "client_id": CLIENT,
        "scope": " ".join(written(scopes)),
        "refresh_token": token,
    }
    typed = {"Content-Type": "application/x-www-form-urlencoded"}
    return Request("POST", realm.path, typed, urlencode(form).encode())


def _token(realm: Realm, reply: Reply) -> Token:
    try:
        document = json.loads(reply.body)
        text = document.get("token") or document.get("access_token")
        lasts = float(document.get("expires_in") or LASTS)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        text, lasts = None, LASTS
    if not isinstance(text, str) or not _TOKEN.fullmatch(text):
        raise Broken(say("{server} gave no token that can be used", server=realm.origin.netloc))
    return Token(text, lasts)
