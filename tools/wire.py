"""The distribution API as any client sees it, over the standard library's HTTP, without refloat's code."""

import http.client
import json
from dataclasses import dataclass

from tools.content import INDEX, MANIFEST, Content, Part

DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
ACCEPT = f"{INDEX}, {MANIFEST}, {DOCKER_LIST}, {DOCKER_MANIFEST}"


@dataclass(frozen=True)
class Answer:
    """What a server answered. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def expect(self, *statuses: int) -> "Answer":
        """Return this answer. Raises RuntimeError if its status is none of `statuses`."""
        if self.status not in statuses:
            raise RuntimeError(f"answered {self.status}, not {statuses}: {self.body[:500]!r}")
        return self

    def document(self) -> dict[str, object]:
        """Return the JSON object in the body."""
        document: dict[str, object] = json.loads(self.body)
        return document


@dataclass(frozen=True)
class Wire:
    """A registry at `address` (HOST:PORT), spoken to over plain HTTP, one connection a request."""

    address: str

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Send one request. Header names are written with `_` for `-`."""
        connection = http.client.HTTPConnection(self.address, timeout=60)
        try:
            fields = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, fields)
            reply = connection.getresponse()
            body = reply.read()
            return Answer(reply.status, {name.lower(): value for name, value in reply.getheaders()}, body)
        finally:
            connection.close()

    def manifest(self, repository: str, reference: str) -> Answer:
        return self.ask("GET", f"/v2/{repository}/manifests/{reference}", Accept=ACCEPT)

    def blob(self, repository: str, digest: str) -> Answer:
        return self.ask("GET", f"/v2/{repository}/blobs/{digest}")

    def delete(self, repository: str, reference: str) -> Answer:
        return self.ask("DELETE", f"/v2/{repository}/manifests/{reference}")

    def push_blob(self, repository: str, part: Part) -> None:
        """Upload one blob: POST a session, PUT the bytes. Raises RuntimeError if the server refuses."""
        place = self.ask("POST", f"/v2/{repository}/blobs/uploads/").expect(202).headers["location"]
        path = place.partition("://")[2].partition("/")[2] if "://" in place else place.lstrip("/")
        mark = "&" if "?" in path else "?"
        self.ask(
            "PUT", f"/{path}{mark}digest={part.digest}", part.body, Content_Type="application/octet-stream"
        ).expect(201)

    def push_manifest(self, repository: str, reference: str, part: Part) -> Answer:
        """Put one manifest. Raises RuntimeError if the server refuses."""
        path = f"/v2/{repository}/manifests/{reference}"
        return self.ask("PUT", path, part.body, Content_Type=part.media_type).expect(201)

    def push(self, repository: str, tag: str, content: Content) -> None:
        """Push all of `content` with `tag` on its index."""
        for part in content.blobs:
            self.push_blob(repository, part)
        for part in (*content.manifests, content.signature):
            self.push_manifest(repository, part.digest, part)
        self.push_manifest(repository, tag, content.index)

    def read(self, repository: str, part: Part) -> Answer:
        """Get a manifest or a blob by its digest."""
        if part.media_type in (INDEX, MANIFEST):
            return self.manifest(repository, part.digest)
        return self.blob(repository, part.digest)
