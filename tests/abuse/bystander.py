"""Another client of a server that is attacked: it begins uploads and pushes small manifests, and takes the time."""

import threading
import time
from itertools import count
from types import TracebackType
from typing import Self

from tools.content import Part
from tools.proof.part import Effort, Outcome
from tools.wire import Wire

PATIENCE = 2.0
"""Seconds another client waits at most for an answer to a small request, on a machine that does nothing else."""
BUSY_PATIENCE = 10.0
"""The same among other tests on a loaded machine: what was found took a minute, or never ended."""
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = b"{}"
REPOSITORY = "bystander"


class Bystander:
    """Pushes to a repository of its own, one small request after the other, while the block runs.

    `longest` is the longest wait for an answer in seconds, `answers` how many there were, `failures` what was
    answered otherwise than 202 or 201.
    """

    def __init__(self, address: str) -> None:
        self._wire = Wire(address)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._push, name="bystander", daemon=True)
        self._began = 0.0
        self.longest = 0.0
        self.answers = 0
        self.failures: list[str] = []

    def __enter__(self) -> Self:
        self._wire.push_blob(REPOSITORY, Part("application/octet-stream", CONFIG))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join(120)

    def _push(self) -> None:
        config = Part("application/octet-stream", CONFIG)
        for number in count():
            if self._end.is_set():
                return
            self._timed("POST", f"/v2/{REPOSITORY}/blobs/uploads/", 202)
            body = (
                f'{{"schemaVersion":2,"mediaType":"{MANIFEST}","annotations":{{"n":"{number}"}},"layers":[],'
                f'"config":{{"mediaType":"a/b","digest":"{config.digest}","size":{len(CONFIG)}}}}}'
            )
            self._timed("PUT", f"/v2/{REPOSITORY}/manifests/v{number % 10}", 201, body.encode())

    def _timed(self, method: str, path: str, wanted: int, body: bytes | None = None) -> None:
        self._began = time.monotonic()
        try:
            answer = self._wire.ask(method, path, body, **({"Content_Type": MANIFEST} if body else {}))
            if answer.status != wanted:
                self.failures.append(f"{method} {path}: {answer.status} {answer.body[:200]!r}")
        except OSError as problem:
            self.failures.append(f"{method} {path}: {problem!r}")
        self.longest = max(self.longest, time.monotonic() - self._began)
        self.answers += 1

    def judge(self, outcome: Outcome, effort: Effort) -> None:
        """Count what this client had to suffer as lost."""
        patience = PATIENCE if effort.scale >= 1 else BUSY_PATIENCE
        if self.longest > patience:
            outcome.lose(f"another client waited {self.longest:.1f} s for an answer to a small push")
        for failure in self.failures[:3]:
            outcome.lose(f"another client's {failure}")
        if not self.answers:
            outcome.lose("another client was not answered at all")
