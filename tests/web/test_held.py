"""What a pusher is told of blobs, and what his push may use: the second is never less than the first.

docs/wire.md says under "Kept as it is" why it is more.
"""

import json
from collections.abc import Iterator

import pytest

from tests.web.conftest import image_of
from tests.web.test_reading import first_error
from tools.content import CONFIG, LAYER, Part
from tools.serving import Served
from tools.wire import Wire

NAMES: Iterator[str] = (f"web/held/{number}" for number in range(10_000))
CONFIG_PART, LAYER_PART = Part(CONFIG, b"{}"), Part(LAYER, b"a layer that is held")
IMAGE = image_of(CONFIG_PART, LAYER_PART)


@pytest.fixture
def name(registry: Served) -> str:
    """A repository of this test's own, with one image."""
    name = next(NAMES)
    for part in (CONFIG_PART, LAYER_PART):
        registry.wire.push_blob(name, part)
    registry.wire.push_manifest(name, "v1", IMAGE)
    return name


@pytest.fixture
def wire(registry: Served) -> Wire:
    return registry.wire


def statuses(wire: Wire, name: str) -> list[int]:
    """Return what HEAD and GET of the layer say."""
    path = f"/v2/{name}/blobs/{LAYER_PART.digest}"
    return [wire.ask(method, path).status for method in ("HEAD", "GET")]


def catalog(wire: Wire) -> list[str]:
    repositories: list[str] = json.loads(wire.ask("GET", "/v2/_catalog?n=100&last=web/held").body)["repositories"]
    return repositories


def test_head_of_a_blob_says_what_get_says_and_a_put_takes_what_is_held(wire: Wire, name: str) -> None:
    assert statuses(wire, name) == [200, 200]
    wire.delete(name, IMAGE.digest).expect(202)
    assert statuses(wire, name) == [404, 404]
    wire.push_manifest(name, "v2", image_of(CONFIG_PART, LAYER_PART, annotations={"another": "image"}))
    assert statuses(wire, name) == [200, 200]


def test_what_head_promised_a_put_takes_though_the_image_was_deleted_since(wire: Wire, name: str) -> None:
    assert statuses(wire, name) == [200, 200]
    wire.delete(name, IMAGE.digest).expect(202)
    wire.push_manifest(name, "v2", image_of(LAYER_PART, LAYER_PART))


def test_a_client_that_takes_the_404_for_an_answer_pushes_the_blob_again(wire: Wire, name: str) -> None:
    wire.delete(name, IMAGE.digest).expect(202)
    wire.push_blob(name, LAYER_PART)
    assert statuses(wire, name) == [200, 200]
    wire.push_manifest(name, "v1", IMAGE)


def test_the_catalog_lists_what_has_something_to_pull_by_name(wire: Wire, name: str) -> None:
    only_blobs = f"{name}/blobs"
    wire.push_blob(only_blobs, LAYER_PART)
    assert name in catalog(wire)
    assert only_blobs not in catalog(wire)
    wire.delete(name, IMAGE.digest).expect(202)
    assert name not in catalog(wire)


def test_missing_blobs_are_one_error_of_404_that_names_each(wire: Wire, name: str) -> None:
    missing = [Part(LAYER, f"never pushed {number}".encode()) for number in range(3)]
    image = image_of(CONFIG_PART, *missing)
    answer = wire.ask("PUT", f"/v2/{name}/manifests/v3", image.body, Content_Type=image.media_type)
    assert answer.status == 404
    assert first_error(answer)["code"] == "MANIFEST_BLOB_UNKNOWN"
    assert first_error(answer)["detail"] == [{"digest": part.digest} for part in missing]
