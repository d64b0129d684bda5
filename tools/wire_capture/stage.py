"""What flows are made of: the image, a registry that has it, and what a client of it and the registry exchanged."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tools.bench.servers import Server
from tools.content import Part
from tools.serving import Served
from tools.wire_capture.exchange import Client, Exchange

REPOSITORY, TAG = "team/app", "v1"
OWN = f"/v2/{REPOSITORY}"
PLACE = f"{OWN}/manifests"

SAVE, DELETE, MISS = "save the manifest", "delete it", "look for it"
COLLECT, RESTORE = "collect garbage", "bring it back"
PULL, SEE, FETCH = "pull the manifest", "see the layer", "pull the layer"


@dataclass(frozen=True)
class Image:
    """An image of one layer. Its bytes are the same on every machine, so its digests are too."""

    manifest: Part
    config: Part
    layer: Part


@dataclass(frozen=True)
class Aside:
    """What happens where no observer of the network sees it."""

    step: str
    text: str


@dataclass(frozen=True)
class Stretch:
    """Requests that serve one purpose together, so many that each is shown in short. `command` is what was typed."""

    step: str
    command: str
    purpose: str
    exchanges: tuple[Exchange, ...]


Told = Exchange | Aside | Stretch


def exchanges_of(told: list[Told]) -> Iterator[Exchange]:
    """Return everything that was on the wire, in its order."""
    for one in told:
        if isinstance(one, Stretch):
            yield from one.exchanges
        elif isinstance(one, Exchange):
            yield one


@dataclass
class Stage:
    """A registry that holds the image, a client of it, and what was exchanged so far."""

    client: Client
    image: Image
    server: Served | Server
    told: list[Told] = field(default_factory=list)

    def ask(self, step: str, first: str, body: bytes = b"", **headers: str) -> Exchange:
        """Send one request and keep it with its answer."""
        exchange = self.client.ask(step, first, body, **headers)
        self.told.append(exchange)
        return exchange
