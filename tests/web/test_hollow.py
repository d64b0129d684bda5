"""A manifest is told to be pushed only if it can be pulled: a blob without its file is missing, and said to be."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Serve
from tests.web.conftest import image_of
from tests.web.test_reading import first_error
from tools.content import CONFIG, INDEX, LAYER, MANIFEST, Part
from tools.serving import Served
from tools.wire import Answer

NAMES: Iterator[str] = (f"web/hollow/{number}" for number in range(10_000))
CONFIG_PART = Part(CONFIG, b"{}")


def replace_by_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


SPOILS: dict[str, Callable[[Path], object]] = {
    "gone": Path.unlink,
    "short": lambda path: os.truncate(path, path.stat().st_size - 1),
    "long": lambda path: path.write_bytes(path.read_bytes() + b"!"),
    "directory": replace_by_directory,
}


class Place:
    """A repository of a test's own with the blobs of an image, one of which a disk spoils."""

    def __init__(self, served: Served) -> None:
        self.served, self.wire, self.name = served, served.wire, next(NAMES)
        self.layer = Part(LAYER, f"the layer of {self.name}".encode() * 100)
        self.image = image_of(CONFIG_PART, self.layer)
        for part in (CONFIG_PART, self.layer):
            self.wire.push_blob(self.name, part)

    def spoil(self, how: str) -> None:
        """Do something to the layer's file."""
        (path,) = [path for path in self.served.files() if path.read_bytes() == self.layer.body]
        SPOILS[how](path)

    def put(self, part: Part, reference: str = "v1") -> Answer:
        headers = {"Content_Type": part.media_type}
        return self.wire.ask("PUT", f"/v2/{self.name}/manifests/{reference}", part.body, **headers)

    def head(self) -> int:
        return self.wire.ask("HEAD", f"/v2/{self.name}/blobs/{self.layer.digest}").status

    def expect_unknown(self, answer: Answer) -> None:
        error = first_error(answer)
        assert (answer.status, error["code"]) == (404, "MANIFEST_BLOB_UNKNOWN")
        assert error["detail"] == [{"digest": self.layer.digest}]


@pytest.fixture
def place(registry: Served) -> Place:
    return Place(registry)


@pytest.mark.parametrize("how", SPOILS)
def test_a_manifest_whose_blob_has_no_whole_file_is_refused(how: str, place: Place) -> None:
    assert place.head() == 200
    place.spoil(how)
    assert place.head() == 404
    place.expect_unknown(place.put(place.image))
    assert place.wire.manifest(place.name, "v1").status == 404
    place.wire.push_blob(place.name, place.layer)
    assert place.put(place.image).status == 201
    assert place.wire.blob(place.name, place.layer.digest).body == place.layer.body


def test_another_repository_that_mounted_it_is_refused_too(place: Place) -> None:
    other = f"{place.name}/other"
    for part in (CONFIG_PART, place.layer):
        mount = f"/v2/{other}/blobs/uploads/?mount={part.digest}&from={place.name}"
        place.wire.ask("POST", mount).expect(201)
    place.spoil("gone")
    place.name = other
    place.expect_unknown(place.put(place.image))


def test_a_push_of_what_is_there_already_is_refused_until_it_is_whole(place: Place) -> None:
    """A client that pushes again wants an image that can be pulled; what was there stays as it was."""
    place.put(place.image).expect(201)
    place.spoil("gone")
    place.expect_unknown(place.put(place.image))
    place.expect_unknown(place.put(place.image, "v2"))
    assert place.wire.manifest(place.name, "v1").status == 200
    place.wire.push_blob(place.name, place.layer)
    assert place.put(place.image, "v2").status == 201


def test_a_saved_manifest_that_is_put_back_is_refused_until_it_is_whole(place: Place) -> None:
    place.put(place.image).expect(201)
    change = place.wire.delete(place.name, place.image.digest).expect(202).headers["refloat-change"]
    place.spoil("gone")
    place.expect_unknown(place.put(place.image))
    undone = place.served.refloat("undo", change)  # which brings back what was there, as it was
    assert undone.returncode == 0, undone.stderr
    assert place.wire.manifest(place.name, "v1").body == place.image.body
    assert place.head() == 404


def test_what_an_image_does_not_require_may_be_gone(place: Place) -> None:
    """A layer that may be had elsewhere, and the parts of an index."""
    layer = {**place.layer.descriptor(), "urls": ["https://elsewhere.example/"]}
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": CONFIG_PART.descriptor(), "layers": [layer]}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [place.layer.descriptor()]}
    place.spoil("gone")
    assert place.put(Part(MANIFEST, json.dumps(document).encode())).status == 201
    assert place.put(Part(INDEX, json.dumps(index).encode())).status == 201


@pytest.mark.parametrize("form", ["generic", "escaped", "surrogate", "many"])
def test_it_is_seen_whatever_the_body_looks_like(form: str, place: Place) -> None:
    layers = [Part(LAYER, f"{form} {number}".encode()) for number in range(150 if form == "many" else 0)]
    for layer in layers:
        place.wire.ask("POST", f"/v2/{place.name}/blobs/uploads/?digest={layer.digest}", layer.body).expect(201)
    body = image_of(CONFIG_PART, *layers, place.layer).body
    if form == "escaped":
        body = body.replace(b'"layers"', rb'"l\u0061yers"')
    if form == "surrogate":
        body = body[:-1] + rb', "annotations": {"note": "\ud800"}}'
    place.spoil("gone")
    answer = place.put(Part("application/json" if form == "generic" else MANIFEST, body))
    if form == "surrogate" and answer.status == 400:
        return  # not taken at all
    place.expect_unknown(answer)


def test_a_disk_that_cannot_be_read_is_no_missing_blob(serve: Serve) -> None:
    """A failed read proves nothing: try again, rather than push again."""
    place = Place(serve())
    (path,) = [path for path in place.served.files() if path.read_bytes() == place.layer.body]
    aside = path.parent.rename(path.parent.with_suffix(".aside"))
    path.parent.touch()  # no directory, which even root cannot read as one
    assert place.put(place.image).status == 503
    path.parent.unlink()
    aside.rename(path.parent)
    assert place.put(place.image).status == 201
