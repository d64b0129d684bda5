"""What a registry holds, as any client reads it: every tag with all its bytes, and what is in the trash."""

import base64
import json
from dataclasses import dataclass

from tests.clients.closure import Closure, read_closure
from tools.wire import Answer, Wire

TRASH = "refloat-trash"


@dataclass(frozen=True)
class Authorized(Wire):
    """A registry that is told who asks (Basic), `credentials` being USER:PASSWORD."""

    credentials: str = ""

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Send one request with credentials."""
        coded = base64.b64encode(self.credentials.encode()).decode()
        return super().ask(method, path, body, **headers, Authorization=f"Basic {coded}")


def tags_of(wire: Wire, repository: str) -> list[str]:
    """Return the tags a repository lists, sorted; none where it does not exist."""
    answer = wire.ask("GET", f"/v2/{repository}/tags/list").expect(200, 404)
    return sorted(json.loads(answer.body)["tags"] or []) if answer.status == 200 else []


def read_tags(wire: Wire, repository: str) -> dict[str, Closure]:
    """Read every tag whole. Raises RuntimeError if anything is missing or differs."""
    return {tag: read_closure(wire, repository, tag) for tag in tags_of(wire, repository)}


def kept_in(wire: Wire, repository: str) -> list[str]:
    """Return the tags of a repository's trash."""
    return tags_of(wire, f"{TRASH}/{repository}")
