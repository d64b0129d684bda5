"""Who asks, told to one registry in the way it wants: Basic, or a token for what the request needs.

Nothing is told before the registry asks. The password goes to the registry, and to the token server it names where
`tokens.may_be_told`; a token goes to the registry alone.
"""

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from refloat.client.challenges import Challenge, parse_challenges
from refloat.client.credentials import Credentials, Search, search
from refloat.client.errors import NotAllowed, Refused
from refloat.client.exchange import Exchange
from refloat.client.origin import Origin
from refloat.client.scopes import Scopes, covers, denial, parse_scopes, united
from refloat.client.tokens import Realm, ask_for_token, may_be_told, parse_realm
from refloat.language import say

BEARER = "Bearer "
UNKNOWN_SCOPE = 400  # what a token server says that has no `delete`, because its registry asks for `push` there
MARGIN = 5.0  # seconds before its end in which a token is no longer used


@dataclass(frozen=True, slots=True)
class _Kept:
    scopes: Scopes
    authorization: str
    until: float  # of time.monotonic


class Authentication:
    """What one registry was told and may be told. `login` are a user and a password given by hand.

    Several threads may ask; they share a token, and one of them fetches it.
    """

    def __init__(self, origin: Origin, login: tuple[str, str] | None) -> None:
        self.origin = origin
        self._found = None if login is None else Search(Credentials(*login, source="--username"), ())
        self._basic: str | None = None
        self._realm: Realm | None = None
        self._exchange: Exchange | None = None
        self._kept: list[_Kept] = []
        self._lock = threading.Lock()

    def header(self, needs: Scopes) -> dict[str, str]:
        """Return what to send along with a request. Raises NotAllowed, Unreachable."""
        if self._basic is not None:
            return {"Authorization": self._basic}
        if self._realm is None:
            return {}
        with self._lock:
            try:
                return {"Authorization": self._token(self._realm, needs, needs, "")}
            except Refused as refused:
                if refused.status != UNKNOWN_SCOPE:
                    raise
                return {}  # the registry is to say what it calls this

    def challenged(self, challenge: str, needs: Scopes, sent: Mapping[str, str]) -> dict[str, str]:
        """Return what to send after a 401 to a request that had `sent`. Raises NotAllowed, Unreachable."""
        known = {one.scheme: one for one in reversed(parse_challenges(challenge))}
        bearer = known.get("bearer")
        if bearer is not None and bearer.parameters.get("realm"):
            with self._lock:
                return {"Authorization": self._by_token(bearer, needs, sent.get("Authorization", ""))}
        if "basic" not in known:
            raise NotAllowed(say("{server} asks for more than user and password or a token", server=self.origin.netloc))
        if sent:
            raise self.denied(needs, ())
        self._basic = self._password()
        return {"Authorization": self._basic}

    def denied(self, needs: Scopes, said: tuple[str, ...]) -> NotAllowed:
        """Return the error of a request that was not let through, with the registry's own words."""
        server = self.origin.netloc
        credentials = self._search().credentials
        if credentials is not None and self._was_told(credentials):
            return NotAllowed(denial(server, needs), said)
        return NotAllowed(
            say("{server}: authentication required", server=server),
            (*self._search().notes, *self._untold(credentials), *said),
            say("docker login {server}", server=server),
        )

    def _untold(self, credentials: Credentials | None) -> tuple[str, ...]:
        if credentials is None:
            return ()
        if self._realm is None:
            return (say("{source} holds an identity token, and only user and password can be used",
                        source=credentials.source),)  # fmt: skip
        return (say("{realm} is asked over plain HTTP, and is not told your password", realm=self._realm.origin),)

    def refused_login(self) -> NotAllowed:
        """Return the error of a user and password that are not accepted."""
        server, credentials = self.origin.netloc, self._search().credentials
        facts = () if credentials is None else (say("they are those of {source}", source=credentials.source),)
        return NotAllowed(
            say("{server} does not accept your user and password", server=server),
            facts,
            say("docker login {server}", server=server),
        )

    def _search(self) -> Search:
        if self._found is None:
            self._found = search(self.origin.netloc, os.environ, Path.home(), "all")
        return self._found

    def _was_told(self, credentials: Credentials) -> bool:
        if self._realm is not None:
            return may_be_told(self.origin, self._realm.origin)
        return not credentials.identity_token

    def _password(self) -> str:
        found = self._search()
        if found.credentials is None or found.credentials.identity_token:
            raise self.denied({}, ())
        return found.credentials.authorization

    def _by_token(self, challenge: Challenge, needs: Scopes, refused: str) -> str:
        given = challenge.parameters
        realm = parse_realm(self.origin, given["realm"], given.get("service", ""))
        if realm != self._realm:
            self._realm, self._exchange, self._kept = realm, Exchange(realm.origin), []
        wanted = parse_scopes(given.get("scope", ""))
        return self._token(realm, united(needs, wanted), wanted or needs, refused)

    def _token(self, realm: Realm, scopes: Scopes, wanted: Scopes, refused: str) -> str:
        """Return what shows a token: one that was kept, unless it is the one that was `refused`, else a new one.

        Where the token server does not know all `scopes` it is asked for those alone that the registry `wanted`.
        """
        now = time.monotonic()
        self._kept = [kept for kept in self._kept if kept.until > now and kept.authorization != refused]
        for kept in self._kept:
            if covers(kept.scopes, scopes):
                return kept.authorization
        credentials = self._search().credentials
        told = credentials if credentials is not None and self._was_told(credentials) else None
        exchange = self._exchange = self._exchange or Exchange(realm.origin)
        try:
            try:
                token = ask_for_token(exchange, realm, told, scopes)
            except Refused as unknown:
                if unknown.status != UNKNOWN_SCOPE or wanted == scopes:
                    raise
                token = ask_for_token(exchange, realm, told, wanted)
        except NotAllowed:
            raise (self.denied(scopes, ()) if told is None else self.refused_login()) from None
        authorization = BEARER + token.text
        self._kept.append(_Kept(scopes, authorization, now + token.lasts - MARGIN))
        return authorization
