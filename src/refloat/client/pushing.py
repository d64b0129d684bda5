"""Puts images into any registry over HTTP. Spec: OCI Distribution 1.1 "Pushing"; redirects are not followed."""

import hashlib
import http.client
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO
from urllib.parse import urlencode, urlsplit

from refloat import __version__
from refloat.client.errors import NotAllowed, Refused, Unreachable
from refloat.client.origin import Origin
from refloat.core.media import DOCKER_LIST, DOCKER_MANIFEST, DOCKER_SCHEMA1_SIGNED, OCI_INDEX, OCI_MANIFEST
from refloat.core.names import Digest
from refloat.language import say

ACCEPT = f"{OCI_INDEX}, {OCI_MANIFEST}, {DOCKER_LIST}, {DOCKER_MANIFEST}, {DOCKER_SCHEMA1_SIGNED}"
PATIENCE = 120.0  # seconds without a byte
PIECE = 1 << 20
NO_CONTENT = 404

_Answered = tuple[http.client.HTTPResponse, bytes]


class Registry:
    """One registry. Who asks is told to one that wants to know it by Basic authentication, from credential files."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self._authorization: str | None = None

    def manifest(self, repository: str, reference: str) -> bytes | None:
        """Return a manifest's bytes; None where there is none. Raises what client.errors names."""
        answer, body = self._ask("GET", f"/v2/{repository}/manifests/{reference}", Accept=ACCEPT)
        if answer.status == NO_CONTENT:
            return None
        self._expect(answer, body, 200)
        return body

    def put(self, repository: str, reference: str, media_type: str, body: bytes) -> None:
        """Put a manifest. Raises what client.errors names."""
        path = f"/v2/{repository}/manifests/{reference}"
        self._expect(*self._ask("PUT", path, body, Content_Type=media_type), 201)

    def has(self, repository: str, digest: Digest) -> bool:
        """Pull a blob and compare it: a registry:2 that collected garbage says it has blobs it no longer has."""
        connection = self._connection()
        try:
            connection.request("GET", f"/v2/{repository}/blobs/{digest}", headers=self._headers({}))
            answer = connection.getresponse()
            running = hashlib.new(digest.algorithm)
            while piece := answer.read(PIECE):
                running.update(piece)
        except http.client.HTTPException:  # it ends in the middle
            return False
        except OSError as problem:
            raise self._lost(problem) from None
        finally:
            connection.close()
        return answer.status == 200 and running.hexdigest() == digest.partition(":")[2]

    def upload(self, repository: str, digest: Digest, path: Path) -> None:
        """Upload a blob from a file. Raises what client.errors names, OSError."""
        answer, body = self._ask("POST", f"/v2/{repository}/blobs/uploads/", b"")
        self._expect(answer, body, 202)
        session = urlsplit(answer.headers.get("Location", ""))
        mark = "&" if session.query else ""
        target = f"{session.path}?{session.query}{mark}{urlencode({'digest': digest})}"
        with path.open("rb") as file:
            self._expect(*self._ask("PUT", target, file, Content_Type="application/octet-stream"), 201)

    def _ask(self, method: str, path: str, body: bytes | IO[bytes] | None = None, **headers: str) -> _Answered:
        answered = self._once(method, path, body, headers)
        if answered[0].status == 401 and self._authorization is None:
            self._authorization = self._authorize(answered[0])
            if body is not None and not isinstance(body, bytes):
                body.seek(0)
            answered = self._once(method, path, body, headers)
        return answered

    def _once(self, method: str, path: str, body: bytes | IO[bytes] | None, headers: Mapping[str, str]) -> _Answered:
        connection = self._connection()
        sent = self._headers({name.replace("_", "-"): value for name, value in headers.items()})
        if body is not None:
            sent["Content-Length"] = str(len(body) if isinstance(body, bytes) else os.fstat(body.fileno()).st_size)
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return answer, answer.read()
        except (OSError, http.client.HTTPException) as problem:
            raise self._lost(problem) from None
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPConnection if self.origin.scheme == "http" else http.client.HTTPSConnection
        return kind(self.origin.host, self.origin.port, timeout=PATIENCE, blocksize=PIECE)

    def _headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        own = {"User-Agent": f"refloat/{__version__}", **headers}
        return {**own, "Authorization": self._authorization} if self._authorization else own

    def _authorize(self, answer: http.client.HTTPResponse) -> str:
        from refloat.client.credentials import search

        if (answer.headers.get("WWW-Authenticate") or "").lower().startswith("basic"):
            found = search(self.origin.netloc, os.environ, Path.home())
            if found.credentials is not None:
                return found.credentials.authorization
        raise NotAllowed(say("{server} wants to know who asks", server=self.origin.netloc))

    def _expect(self, answer: http.client.HTTPResponse, body: bytes, status: int) -> None:
        if answer.status == status:
            return
        if answer.status in (401, 403):
            raise NotAllowed(
                say("{server} does not let you: {status}", server=self.origin.netloc, status=answer.status)
            )
        said = " ".join(body[:400].decode("utf-8", "replace").split())
        raise Refused(
            answer.status,
            "UNKNOWN",
            say("{server} answers {status}: {said}", server=self.origin.netloc, status=answer.status, said=said),
            None,
        )

    def _lost(self, problem: Exception) -> Unreachable:
        reason = problem or say("nothing came")
        return Unreachable(say("{server} does not answer: {reason}", server=self.origin.netloc, reason=reason))
