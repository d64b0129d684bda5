"""What the clients know: every image, who works on it, what was acknowledged, and until when it can come back."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.torture.content import Content, Manifest

FEW = 60  # images on the shelf that a pusher calls enough


@dataclass(frozen=True)
class Terms:
    """What the server was told, in seconds."""

    window: float
    lease: float
    idle: float  # how long an upload may stand still


@dataclass(frozen=True)
class Standing:
    """What a reader must see of an image: is the tag there, and which of its manifests are."""

    tagged: bool
    present: frozenset[str]

    def joined_by(self, digest: str, *, tagged: bool) -> "Standing":
        return Standing(self.tagged or tagged, self.present | {digest})


NOTHING = Standing(False, frozenset())


@dataclass
class Deletion:
    """A delete that can be taken back: its change, what was there before, and from when its window counts."""

    change: str
    before: Standing
    begun: float
    final: bool  # nobody will take it back


@dataclass
class Image:
    """One tag of one repository. Whoever works on it has its lock, so that its standing is known exactly."""

    repository: str
    tag: str
    content: Content
    standing: Standing = NOTHING
    deletion: Deletion | None = None
    perhaps: Standing | None = None  # what it may be instead, because an answer never came
    accepted: set[str] = field(default_factory=set)  # manifests that were ever acknowledged
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def whole(self) -> Standing:
        return Standing(True, frozenset(manifest.digest for manifest in self.content.manifests))

    def path(self, manifest: Manifest) -> str:
        return f"/v2/{self.repository}/manifests/{manifest.digest}"

    @property
    def tag_path(self) -> str:
        return f"/v2/{self.repository}/manifests/{self.tag}"


class Shelf:
    """All images, the counters, and what went wrong."""

    def __init__(self, seed: int, terms: Terms) -> None:
        self.terms = terms
        self.counters: Counter[str] = Counter()
        self.wrongs: list[str] = []
        self.stop = threading.Event()
        self.kills = 0  # how often the server was killed
        self.down = threading.Event()  # it is down now: answers may be lost
        self.up = threading.Event()
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._images: list[Image] = []
        self._puts: list[tuple[float, float]] = []
        self._condemning: list[tuple[float, float]] = []

    def wrong(self, what: str) -> None:
        """Write down a broken promise, and end the torture."""
        with self._lock:
            self.wrongs.append(what)
        self.stop.set()

    def count(self, what: str, amount: int = 1) -> None:
        with self._lock:
            self.counters[what] += amount

    def put(self, image: Image) -> None:
        with self._lock:
            self._images.append(image)

    def drop(self, image: Image) -> None:
        """Forget an image that is gone for ever."""
        with self._lock:
            self._images.remove(image)

    def _has(self, image: Image) -> bool:
        """Has nobody dropped it since it was seen?"""
        with self._lock:
            return any(each is image for each in self._images)

    @property
    def images(self) -> list[Image]:
        with self._lock:
            return list(self._images)

    @contextmanager
    def taken(self, suits: Callable[[Image], bool]) -> Iterator[Image | None]:
        """Take any image that suits and nobody has, for as long as the block lasts. None: there is none."""
        images = self.images
        with self._lock:
            self._random.shuffle(images)
        for image in images:
            if suits(image) and image.lock.acquire(blocking=False):
                try:
                    yield image if self._has(image) and suits(image) else None
                finally:
                    image.lock.release()
                return
        yield None

    # when pushes and condemning overlapped

    @contextmanager
    def putting(self) -> Iterator[None]:
        begun = time.monotonic()
        yield
        with self._lock:
            self._puts.append((begun, time.monotonic()))

    def condemned(self, begun: float, count: int) -> None:
        with self._lock:
            if count:
                self._condemning.append((begun, time.monotonic()))

    @property
    def pushes_during_a_condemn(self) -> int:
        return sum(any(begun < end and start < ended for start, end in self._condemning) for begun, ended in self._puts)

    def table(self) -> str:
        width = max(map(len, self.counters), default=0)
        return "\n".join(f"  {name:<{width}}  {self.counters[name]:>8,}" for name in sorted(self.counters))
