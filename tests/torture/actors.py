"""Who is at work: pushers, deleters, undoers, readers, and one who lets the collector run all the time."""

import random
import threading
import time
from collections.abc import Callable

from tests.torture.content import Factory
from tests.torture.shelf import FEW, Image, Shelf
from tests.torture.verbs import API, BrokenPromiseError, TooSlowError, Verbs, told
from tests.torture.wire import LostError, Wire

REPOSITORIES = ["team/api", "team/web", "tools/build", "tools/test/deep", "solo"]
CROWD = {"pusher": 8, "deleter": 3, "undoer": 2, "reader": 2}
PAUSE = 0.02  # seconds between two rounds of collection
Turn = Callable[[random.Random], None]


class Crowd:
    """The threads of a torture. `start` them, let time pass, `join` them."""

    def __init__(self, wire: Wire, shelf: Shelf, factory: Factory, seed: int) -> None:
        self.wire, self.shelf, self.factory, self.seed = wire, shelf, factory, seed
        self.verbs = Verbs(wire, shelf)
        self.quiet = random.Random(seed)
        self._names = 0
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        turns: dict[str, Turn] = {
            "pusher": self.push,
            "deleter": self.delete,
            "undoer": self.take_back,
            "reader": self.read,
        }
        for who, count in CROWD.items():
            for number in range(count):
                rng = random.Random(f"{self.seed} {who} {number}")
                self._begin(f"{who} {number}", turns[who], rng)
        self._begin("collector", self.collect, random.Random(0))

    def _begin(self, name: str, turn: Turn, rng: random.Random) -> None:
        thread = threading.Thread(target=self._work, args=(turn, rng), name=name)
        self._threads.append(thread)
        thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _work(self, turn: Turn, rng: random.Random) -> None:
        while not self.shelf.stop.is_set():
            try:
                turn(rng)
            except LostError as lost:
                self._lost(lost)
            except BrokenPromiseError:
                return
            except TooSlowError:
                self.shelf.count("pushes given up")
            except Exception as problem:
                self.shelf.wrong(f"{threading.current_thread().name}: {problem!r}")
                raise

    def _lost(self, lost: LostError) -> None:
        """An answer may be lost only when the server is killed; go on when it is back."""
        if not self.shelf.down.is_set() and not self.shelf.kills:
            self.shelf.wrong(f"no answer: {lost}")
            return
        self.shelf.count("answers lost")
        while self.shelf.down.is_set() and not self.shelf.stop.is_set():
            self.shelf.up.wait(0.1)

    # one turn of each

    def push(self, rng: random.Random) -> None:
        if len(self.shelf.images) >= FEW:
            self.delete(rng)
            return
        with self._lock:
            self._names += 1
            name = f"v{self._names}"
        image = Image(rng.choice(REPOSITORIES), name, self.factory.make(rng))
        with image.lock:
            self.shelf.put(image)
            self.verbs.push(image, rng, REPOSITORIES)

    def delete(self, rng: random.Random) -> None:
        """Half by digest or with rm; what cannot come back any more is buried."""
        with self.shelf.taken(lambda image: image.perhaps is not None or self._over(image)) as image:
            if image is not None:
                self._tidy(image)
                return
        with self.shelf.taken(lambda image: image.deletion is None and image.standing == image.whole) as image:
            if image is not None:
                way = rng.choice(["tag", "digest", "rm"])
                self.verbs.delete(image, way, final=rng.random() < 0.6)
                if rng.random() < 0.3:
                    self.verbs.look(image, "just deleted")
            else:
                self.shelf.stop.wait(0.05)

    def _over(self, image: Image) -> bool:
        if image.deletion is not None:
            wait = 0.0 if image.deletion.final else 1.5 * self.shelf.terms.window
            return time.monotonic() > image.deletion.begun + wait
        return image.standing != image.whole

    def _tidy(self, image: Image) -> None:
        if image.perhaps is not None:
            self.verbs.resolve(image, (image.standing, image.perhaps))
        elif image.standing != image.whole:
            self.verbs.bury(image)
            self.shelf.drop(image)
            self.shelf.count("images buried")

    def take_back(self, rng: random.Random) -> None:
        with self.shelf.taken(self._can_come_back) as image:
            if image is None:
                self.shelf.stop.wait(0.02)
                return
            if rng.random() < 0.3 and image.deletion is not None:  # as the window ends, while the collector prunes
                due = image.deletion.begun + self.shelf.terms.window - time.monotonic()
                self.shelf.stop.wait(max(0.0, due + rng.uniform(-0.2, 0.2)))
            self.verbs.take_back(image, rng.choice(["undo", "undo", "put"]))
            if rng.random() < 0.3:
                self.verbs.look(image, "taken back")

    def _can_come_back(self, image: Image) -> bool:
        return image.deletion is not None and not image.deletion.final and image.perhaps is None

    def read(self, rng: random.Random) -> None:
        with self.shelf.taken(lambda image: image.perhaps is None) as image:
            if image is not None:
                self.verbs.look(image, "any time")
            else:
                self.shelf.stop.wait(0.02)

    def collect(self, rng: random.Random) -> None:
        begun = time.monotonic()
        answer = self.wire.ask("POST", f"{API}/collect", b"{}", Content_Type="application/json")
        self.verbs.expect(answer.status == 200, f"collect answered {told(answer)}")
        self.shelf.condemned(begun, int(answer.json()["condemned"]))
        self.shelf.count("rounds of collection")
        self.shelf.stop.wait(PAUSE)
