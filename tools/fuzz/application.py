"""A registry in this process with some images in it, asked as an HTTP server would ask it."""

import asyncio
import json
from pathlib import Path
from typing import Any

from tools.content import Part

IMAGE = "application/vnd.oci.image.manifest.v1+json"
SUBJECT, MANY, LARGE = ("sha256:" + letter * 64 for letter in "abc")
CONFIG = Part("application/octet-stream", b"{}")
REPOSITORY = "team/app"
TAGS = 30
MOST_REFERRERS = 220


class Application:
    """The worker of a server over a new directory, without sockets."""

    def __init__(self, directory: Path) -> None:
        from refloat.main.worker import Worker
        from refloat.metadata.migrate import migrate
        from refloat.settings.load import Flags, load

        settings = load(
            None, {"HOME": str(directory), "REGISTRY_LOG_ACCESSLOG_DISABLED": "true"}, Flags(root=directory / "root")
        ).settings
        (directory / "root").mkdir(parents=True, exist_ok=True)
        migrate(settings.database)
        self._worker: Any = Worker(settings, "fuzz")
        self._loop = asyncio.new_event_loop()
        self._seed()

    @property
    def reader(self) -> Any:
        """Return what reads its database."""
        return self._worker._metadata.read

    def ask(self, method: str, path: str, query: bytes = b"", body: bytes = b"") -> tuple[int, bytes]:
        """Send one request and return status and body of the answer."""
        return self._loop.run_until_complete(self._ask(method, path, query, body))

    async def _ask(self, method: str, path: str, query: bytes, body: bytes) -> tuple[int, bytes]:
        heard: list[Any] = []

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            heard.append(message)

        headers = [(b"host", b"127.0.0.1:5000"), (b"content-length", str(len(body)).encode())]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": path, "raw_path": path.encode(), "query_string": query, "root_path": "", "headers": headers,
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 5000),
        }  # fmt: skip
        await self._worker(scope, receive, send)
        return heard[0]["status"], b"".join(message.get("body", b"") for message in heard[1:])

    def _seed(self) -> None:
        self._must("POST", f"/v2/{REPOSITORY}/blobs/uploads/", f"digest={CONFIG.digest}", CONFIG.body)
        for number in range(TAGS):
            self._must("PUT", f"/v2/{REPOSITORY}/manifests/v{number}", "", _image(number).body)
        self._must("DELETE", f"/v2/{REPOSITORY}/manifests/v3")

    def lengthen(self) -> None:
        """Push more referrers than are read at once, and some that are large; each is a change of the history too."""
        for number in range(MOST_REFERRERS):
            self._must("PUT", f"/v2/{REPOSITORY}/manifests/many", "", _image(number, MANY).body)
        for number in range(3):
            self._must("PUT", f"/v2/{REPOSITORY}/manifests/large", "", _image(number, LARGE, 2_000_000).body)

    def _must(self, method: str, path: str, query: str = "", body: bytes = b"") -> None:
        status, said = self.ask(method, path, query.encode(), body)
        assert status < 300, (status, said)


def _image(number: int, subject: str = SUBJECT, size: int = 0) -> Part:
    """Return an image; one in three is a note about `subject`, and all are about others than SUBJECT."""
    document: dict[str, object] = {
        "schemaVersion": 2, "mediaType": IMAGE, "config": CONFIG.descriptor(), "layers": [],
        "annotations": {"number": str(number), "filling": "x" * size},
    }  # fmt: skip
    if number % 3 == 0 or subject != SUBJECT:
        document["subject"] = {"mediaType": IMAGE, "digest": subject, "size": 1}
        document["artifactType"] = "application/vnd.example.note"
    return Part(IMAGE, json.dumps(document).encode())
