"""A body may be a manifest and a blob in one repository: what names it has it as both, in whatever order they came."""

import json
from collections.abc import Callable, Iterator
from itertools import permutations

import pytest

from tests.web.conftest import image_of
from tests.web.test_reading import first_error
from tools.content import CONFIG, INDEX, MANIFEST, Part, digest_of
from tools.serving import Served
from tools.wire import Answer

NAMES: Iterator[str] = (f"web/parts/{number}" for number in range(10_000))
API = "/v2/_refloat/v1"
ORDERS = ["-".join(order) for order in permutations(("blob", "index", "part"))]
OTHER = "application/vnd.example.bundle+json"
CONFIG_PART = Part(CONFIG, b"{}")

Naming = Callable[[Part], Part]


def index_of(*parts: Part) -> Part:
    document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [part.descriptor() for part in parts]}
    return Part(INDEX, json.dumps(document).encode())


def bundle_of(part: Part) -> Part:
    """Return a manifest of a type nobody knows, which names a part somewhere in its body."""
    return Part(OTHER, json.dumps({"mediaType": OTHER, "things": [{"deep": [part.descriptor()]}]}).encode())


def image_kept_elsewhere(part: Part) -> Part:
    """Return an image with a layer that may be had elsewhere."""
    layer = {**part.descriptor(), "mediaType": "application/octet-stream", "urls": ["https://elsewhere.example/"]}
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": CONFIG_PART.descriptor(), "layers": [layer]}
    return Part(MANIFEST, json.dumps(document).encode())


NAMINGS: dict[str, Naming] = {"index": index_of, "bundle": bundle_of, "urls": image_kept_elsewhere}


class Place:
    """A repository of a test's own, and what comes to it step by step."""

    def __init__(self, served: Served) -> None:
        self.served, self.wire, self.name = served, served.wire, next(NAMES)
        self.part = image_of(CONFIG_PART, annotations={"of": self.name})
        self.wire.push_blob(self.name, CONFIG_PART)

    def bring(self, order: str, parent: Part, way: str = "upload") -> None:
        """Bring the part as a blob, what names it under the tag `multi`, and the part as a manifest."""
        steps: dict[str, Callable[[], object]] = {
            "blob": lambda: self.bring_blob(way),
            "index": lambda: self.wire.push_manifest(self.name, "multi", parent),
            "part": lambda: self.put(self.part),
        }
        for step in order.split("-"):
            steps[step]()

    def bring_blob(self, way: str) -> None:
        if way == "upload":
            self.wire.push_blob(self.name, self.part)
            return
        source = f"{self.name}/source"
        self.wire.push_blob(source, self.part)
        self.wire.ask("POST", f"/v2/{self.name}/blobs/uploads/?mount={self.part.digest}&from={source}").expect(201)

    def put(self, part: Part) -> Answer:
        return self.wire.push_manifest(self.name, part.digest, part)

    def untagged(self) -> list[str]:
        answer = self.wire.ask("GET", f"{API}/repositories/{self.name}/images?which=untagged").expect(200)
        return [image["digest"] for image in json.loads(answer.body)["images"]]

    def post(self, verb: str, body: dict[str, object]) -> dict[str, object]:
        headers = {"Content_Type": "application/json"}
        return self.wire.ask("POST", f"{API}/{verb}", json.dumps(body).encode(), **headers).expect(200, 201).document()


@pytest.fixture
def place(registry: Served) -> Place:
    return Place(registry)


@pytest.mark.parametrize("way", ["upload", "mount"])
@pytest.mark.parametrize("naming", NAMINGS)
@pytest.mark.parametrize("order", ORDERS)
def test_a_part_that_is_also_a_blob_is_a_part(order: str, naming: str, way: str, place: Place) -> None:
    parent = NAMINGS[naming](place.part)
    place.bring(order, parent, way)
    refused = place.wire.delete(place.name, place.part.digest)
    assert (refused.status, first_error(refused)["code"]) == (403, "DENIED")
    assert first_error(refused)["detail"] == {"index": [parent.digest]}
    assert place.untagged() == []
    assert place.wire.manifest(place.name, place.part.digest).body == place.part.body
    assert place.wire.blob(place.name, place.part.digest).body == place.part.body


@pytest.mark.parametrize("order", ORDERS)
def test_what_takes_the_untagged_leaves_it(order: str, place: Place) -> None:
    place.bring(order, index_of(place.part))
    assert place.post("remove", {"untagged": [place.name]})["change"] is None
    assert place.wire.manifest(place.name, place.part.digest).body == place.part.body


@pytest.mark.parametrize("order", ORDERS)
def test_it_goes_with_its_index_and_comes_back_with_it(order: str, place: Place) -> None:
    place.bring(order, index_of(place.part))
    removed = place.post("remove", {"images": [f"{place.name}:multi"]})
    assert place.wire.manifest(place.name, place.part.digest).status == 404
    place.post(f"changes/{removed['change']}/undo", {})
    assert place.wire.manifest(place.name, place.part.digest).body == place.part.body
    assert place.wire.blob(place.name, place.part.digest).body == place.part.body
    assert place.wire.delete(place.name, place.part.digest).status == 403


@pytest.mark.parametrize("order", ORDERS)
def test_an_index_that_is_a_part_and_a_blob_brings_its_own_parts_along(order: str, place: Place) -> None:
    """Two levels: the inner index is the blob, and what it names goes and comes with the outer one."""
    leaf = place.part
    place.put(leaf)
    place.part = index_of(leaf)
    place.bring(order, index_of(place.part))
    refused = [place.wire.delete(place.name, digest).status for digest in (place.part.digest, leaf.digest)]
    assert refused == [403, 403]
    removed = place.post("remove", {"images": [f"{place.name}:multi"]})
    assert place.wire.manifest(place.name, leaf.digest).status == 404
    place.post(f"changes/{removed['change']}/undo", {})
    assert place.wire.manifest(place.name, leaf.digest).body == leaf.body


def test_an_index_that_comes_back_by_a_put_has_its_part(place: Place) -> None:
    """The part came while its index was in the trash."""
    parent = index_of(place.part)
    place.bring("blob-index", parent)
    digest = digest_of(parent.body)
    place.wire.delete(place.name, digest).expect(202)
    place.put(place.part)
    place.wire.push_manifest(place.name, "multi", parent)
    assert place.wire.delete(place.name, place.part.digest).status == 403


@pytest.mark.parametrize("back", ["undo", "restore"])
def test_an_index_that_comes_back_from_the_trash_has_its_part(back: str, place: Place) -> None:
    """The part came while its index was in the trash, and was deleted before that came back."""
    parent = index_of(place.part)
    place.bring("blob-index", parent)
    change = place.wire.delete(place.name, parent.digest).expect(202).headers["refloat-change"]
    place.put(place.part)
    place.wire.delete(place.name, place.part.digest).expect(202)
    if back == "undo":
        place.post(f"changes/{change}/undo", {})
    else:
        place.post(f"repositories/{place.name}/restore", {"reference": "multi"})
    assert place.wire.manifest(place.name, place.part.digest).body == place.part.body
    assert place.wire.delete(place.name, place.part.digest).status == 403


@pytest.mark.parametrize("order", ORDERS)
def test_what_refers_to_a_body_that_is_also_a_blob_follows_it(order: str, place: Place) -> None:
    """The third step is what refers to it."""
    referrer = image_of(CONFIG_PART, subject=place.part.descriptor())
    place.bring(order, referrer)
    listed = place.wire.ask("GET", f"/v2/{place.name}/referrers/{place.part.digest}").document()["manifests"]
    assert [each["digest"] for each in listed] == [referrer.digest]  # type: ignore[attr-defined]
    place.wire.ask("DELETE", f"/v2/{place.name}/manifests/multi").expect(202)
    change = place.wire.delete(place.name, place.part.digest).expect(202).headers["refloat-change"]
    assert place.wire.manifest(place.name, referrer.digest).status == 404
    place.post(f"changes/{change}/undo", {})
    assert place.wire.manifest(place.name, referrer.digest).body == referrer.body


def test_a_layer_that_is_also_a_manifest_stays_a_blob(place: Place) -> None:
    """An image needs its layers as blobs: the manifest of the same bytes is its own, and may go."""
    image = image_of(CONFIG_PART, Part("application/json", place.part.body))
    place.bring("part-blob-index", image)
    place.wire.delete(place.name, place.part.digest).expect(202)
    assert place.wire.manifest(place.name, place.part.digest).status == 404
    assert place.wire.blob(place.name, place.part.digest).body == place.part.body


def test_show_counts_the_blobs_of_an_index_of_blobs(place: Place) -> None:
    """As a build cache is kept: its `manifests` are layers."""
    layer = Part("application/vnd.oci.image.layer.v1.tar", b"a cached layer")
    place.wire.push_blob(place.name, layer)
    place.wire.push_manifest(place.name, "cache", index_of(layer))
    shown = place.wire.ask("GET", f"{API}/repositories/{place.name}/image?reference=cache").expect(200).document()
    assert shown["size"] == len(layer.body)
