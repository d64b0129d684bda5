"""One registry as it is asked: who asks is told when it wants to know, reads are followed elsewhere, refusals raised.

What is meant for the registry is told to nobody else: a request that goes to another origin carries no credentials.
"""

from dataclasses import dataclass, replace
from urllib.parse import urljoin

from refloat.client.authentication import BEARER, Authentication
from refloat.client.errors import BadHost, Broken, ClientError
from refloat.client.exchange import Cut, Exchange, Reading, Reply, Request
from refloat.client.origin import PORTS, Origin, parse_address
from refloat.client.refusals import errors_in, refusal
from refloat.client.scopes import Scopes
from refloat.language import say

HOPS = 5  # redirects of one request
MOVED = frozenset({301, 302, 303, 307, 308})
FOLLOWED = frozenset({"GET", "HEAD"})  # after a redirect a client would send others as GET, or their body to a stranger


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request goes: a server, and a path with its query."""

    origin: Origin
    path: str


class Asking:
    """One registry. `login` are a user and a password given by hand; without it credential files are read if asked."""

    def __init__(self, origin: Origin, login: tuple[str, str] | None) -> None:
        self.origin = origin
        self._exchanges = {origin: Exchange(origin)}
        self._authentication = Authentication(origin, login)

    def greet(self) -> Reply:
        """Ask for the root of the API without saying who asks. Raises Unreachable, Broken."""
        return self._exchange(self.origin).send(Request("GET", "/v2/"), {}, "whole")

    def ask(self, request: Request, needs: Scopes, read: Reading = "whole") -> Reply:
        """Ask the registry. A read that it sends elsewhere is read there.

        Raises NotAllowed where it does not let the request through, and Unreachable, Lost, Broken.
        """
        place = Place(self.origin, request.path)
        for _ in range(HOPS + 1):
            reply = self.ask_at(place, request, needs, read)
            if reply.status not in MOVED or request.method not in FOLLOWED:
                return reply
            reply.close()
            place = self.place(place, reply.headers.get("location", ""))
        raise Broken(say("{server} sends its callers around in a circle", server=self.origin.netloc))

    def ask_at(self, place: Place, request: Request, needs: Scopes, read: Reading = "whole") -> Reply:
        """Ask at a place the registry named; on another server without any credentials, and nothing is followed."""
        sent = replace(request, path=place.path)
        if place.origin != self.origin:
            reply = self._exchange(place.origin).send(sent, {}, read)
            if reply.status in (401, 403):
                raise refusal(place.origin, self._read(reply))
            return reply
        return self._let_through(sent, needs, read)

    def place(self, near: Place, location: str) -> Place:
        """Return the place a Location names, seen from `near`. Raises Broken where it may not be gone to."""
        try:
            origin, path = parse_address(urljoin(f"{near.origin}{near.path}", location))
        except (ValueError, BadHost):
            raise Broken(say("{server} names a place that is none", server=near.origin.netloc)) from None
        ours = self.origin
        if (origin.scheme, origin.host) == ("http", ours.host) and origin.port in (PORTS["http"], ours.port):
            origin = ours  # a registry behind a proxy that ends TLS and does not tell it
        if not location or not self._may_go(origin):
            raise Broken(
                say(
                    "{server} sends its callers to {elsewhere}, which is not followed",
                    server=near.origin.netloc,
                    elsewhere=origin if location else say("elsewhere"),
                )
            )
        return Place(origin, path)

    def refusal(self, reply: Reply) -> ClientError:
        """Return the error of an answer that is none of those that were expected."""
        return refusal(self.origin, self._read(reply))

    def _may_go(self, origin: Origin) -> bool:
        if origin == self.origin:
            return True
        if origin.is_loopback:
            return self.origin.is_loopback
        return origin.scheme == "https" or self.origin.scheme == "http"

    def _exchange(self, origin: Origin) -> Exchange:
        if origin not in self._exchanges:
            self._exchanges[origin] = Exchange(origin)
        return self._exchanges[origin]

    def _let_through(self, request: Request, needs: Scopes, read: Reading) -> Reply:
        exchange, authentication = self._exchange(self.origin), self._authentication
        sent = authentication.header(needs)
        reply = exchange.send(request, sent, read)
        for _ in range(1 if sent else 2):  # a token may have ended, or be for less than is asked for here
            if reply.status != 401 or (sent and not sent["Authorization"].startswith(BEARER)):
                break
            self._read(reply)
            sent = authentication.challenged(reply.headers.get("www-authenticate", ""), needs, sent)
            reply = exchange.send(request, sent, read)
        if reply.status == 401 and sent and not sent["Authorization"].startswith(BEARER):
            raise authentication.refused_login()
        if reply.status == 401 or (reply.status == 403 and sent):
            raise authentication.denied(needs, _words(self._read(reply)))
        return reply

    def _read(self, reply: Reply) -> Reply:
        try:
            _ = reply.body
        except Cut:
            raise Broken(say("an answer of {server} ends before its end", server=self.origin.netloc)) from None
        return reply


def _words(reply: Reply) -> tuple[str, ...]:
    code, message, _ = errors_in(reply.body)
    return (f"{message} ({code})" if code else message,) if message else ()
