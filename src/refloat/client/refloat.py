"""A refloat's management API as a client uses it: documents in, documents out, errors as exceptions."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlencode

from refloat.client.errors import ClientError, NotAllowed, NotLetThrough, NotRefloat, Refused, Unreachable
from refloat.client.origin import Origin
from refloat.client.wire import Answer, Wire
from refloat.language import say

API = "/v2/_refloat/v1/"
MARK = "refloat-api"  # on every answer of the management API
PATIENCE = 60.0  # seconds for one answer
Document = dict[str, object]


class Refloat:
    """One server. `login` are a user and a password given by hand; without it credential files are read if asked."""

    def __init__(self, origin: Origin, login: tuple[str, str] | None = None) -> None:
        self.origin = origin
        self._wire = Wire(origin)
        self._login = login
        self._authorization: str | None = None
        self._admin: dict[str, str] = {}

    def act_as_admin(self, token: str) -> None:
        """Show the server's admin token with every request from now on."""
        self._admin = {"Refloat-Admin-Token": token}

    def get(self, path: str, patience: float = PATIENCE, **query: str | int | None) -> Document:
        """Return the document at a path below the API's root, within `patience` seconds.

        Raises what client.errors names.
        """
        said = {name: value for name, value in query.items() if value is not None}
        address = API + path + (f"?{urlencode(said)}" if said else "")
        return self._document(self._ask(lambda headers: self._wire.get(address, headers, patience)))

    def is_one(self) -> bool:
        """Ask whether the server is a refloat at all. Raises what client.errors names."""
        try:
            self.get("changes", n=1)
        except NotRefloat:
            return False
        return True

    def post(self, path: str, body: Mapping[str, object], patience: float = PATIENCE) -> Document:
        """Send a document and return the answer. Raises what client.errors names."""
        sent = json.dumps({name: value for name, value in body.items() if value is not None}).encode()
        return self._document(self._ask(lambda headers: self._wire.post(API + path, sent, headers, patience)))

    def pages(self, path: str, field: str, cursor: str, **query: str | int | None) -> Iterator[Document]:
        """Return every entry of a list, page after page; `cursor` is the parameter that asks for the next."""
        while True:
            page = self.get(path, PATIENCE, **query)
            entries = page[field]
            assert isinstance(entries, list)
            yield from entries
            following = page.get("next")
            if following is None:
                return
            query[cursor] = str(following)

    def _ask(self, send: "_Send") -> Answer:
        answer = send(self._headers())
        if answer.status == 401 and self._authorization is None:
            self._authorization = self._authorize(answer)
            answer = send(self._headers())
            if answer.status == 401:
                raise self._not_accepted(answer, ())
        return answer

    def _headers(self) -> dict[str, str]:
        return {**self._admin, **({"Authorization": self._authorization} if self._authorization else {})}

    def _authorize(self, answer: Answer) -> str:
        """Return the header for a server that wants to know who asks. Raises NotAllowed."""
        from refloat.client.credentials import Credentials, search

        challenge = answer.headers.get("www-authenticate", "")
        if not challenge.lower().startswith("basic"):
            raise _kind(answer)(
                say(
                    "{server} asks for more than user and password, which is all that can be sent",
                    server=self.origin.netloc,
                )
            )
        if self._login is not None:
            return Credentials(*self._login, source="--username").authorization
        found = search(self.origin.netloc, os.environ, Path.home())
        if found.credentials is None:
            raise self._not_accepted(answer, found.notes)
        return found.credentials.authorization

    def _not_accepted(self, answer: Answer, notes: tuple[str, ...]) -> NotAllowed:
        return _kind(answer)(
            say("{server}: authentication required", server=self.origin.netloc),
            notes,
            say("docker login {server}", server=self.origin.netloc),
        )

    def _document(self, answer: Answer) -> Document:
        document = _json(answer.body)
        if answer.status < 300 and str(document.get("schema", "")).startswith("refloat."):
            return document
        raise self._problem(answer, document)

    def _problem(self, answer: Answer, document: Document) -> ClientError:
        if MARK in answer.headers:
            return _refused(answer.status, document)
        if 300 <= answer.status < 400:
            elsewhere = answer.headers.get("location", "elsewhere")
            return Unreachable(
                say(
                    "{server} sends its callers to {elsewhere}, which is not followed",
                    server=self.origin.netloc,
                    elsewhere=elsewhere,
                )
            )
        if answer.status in (403, 407):
            kind = NotAllowed if answer.status == 407 else NotLetThrough
            return kind(say("{server} does not let you: {status}", server=self.origin.netloc, status=answer.status))
        if answer.status >= 500:
            return Unreachable(say("{server} answers {status}", server=self.origin.netloc, status=answer.status))
        return NotRefloat(
            say("{server} is not a refloat server{likeness}", server=self.origin.netloc, likeness=self._likeness()),
            hint=say("rm, trash, restore and purge work on any registry"),
        )

    def _likeness(self) -> str:
        """Say what else a server is, as far as it shows."""
        try:
            answer = self._wire.get("/v2/", {}, PATIENCE)
        except ClientError:
            return ""
        if "docker-distribution-api-version" in answer.headers:
            return say(" (it answers like distribution)")
        server = answer.headers.get("server")
        return say(" (it answers like {server})", server=server) if server else ""


def name_path(repository: str, rest: str) -> str:
    """Return the path of something about a repository."""
    return f"repositories/{quote(repository)}/{rest}"


class _Send(Protocol):
    def __call__(self, headers: Mapping[str, str]) -> Answer: ...


def _refused(status: int, document: Document) -> Refused:
    errors = document.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    return Refused(
        status,
        str(first.get("code", "UNKNOWN")),
        str(first.get("message", say("answered {status}", status=status))),
        first.get("detail"),
    )


def _kind(answer: Answer) -> type[NotAllowed]:
    return NotAllowed if MARK in answer.headers else NotLetThrough


def _json(body: bytes) -> Document:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
