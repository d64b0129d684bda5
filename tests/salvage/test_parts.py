"""What is a layer of one image and a part of an index is looked at as both, in a tree as registry:2 leaves it."""

import itertools
import json
from pathlib import Path

from tests.serve.program import refloat
from tools.content import CONFIG, INDEX, LAYER, MANIFEST, Part

TREE = Path("docker/registry/v2")


def image_of(note: str, *layers: Part) -> Part:
    document = {
        "schemaVersion": 2, "mediaType": MANIFEST, "config": Part(CONFIG, b"{}").descriptor(),
        "layers": [layer.descriptor() for layer in layers], "annotations": {"note": note},
    }  # fmt: skip
    return Part(MANIFEST, json.dumps(document).encode())


def write(root: Path, *parts: Part) -> None:
    for part in parts:
        digits = part.digest.partition(":")[2]
        place = root / TREE / "blobs" / "sha256" / digits[:2] / digits
        place.mkdir(parents=True)
        (place / "data").write_bytes(part.body)


def test_what_a_part_lacks_is_seen_though_another_part_has_it_as_a_layer(tmp_path: Path) -> None:
    lost = Part(LAYER, b"a layer whose file is gone")
    part = image_of("a part", lost)
    keeps = next(image for number in itertools.count() if (image := image_of(f"{number}", part)).digest < part.digest)
    entries = [keeps.descriptor(), part.descriptor()]
    index = Part(INDEX, json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode())
    write(tmp_path, Part(CONFIG, b"{}"), part, keeps, index)
    digits = index.digest.partition(":")[2]
    (tmp_path / TREE / "repositories/team/api/_manifests/revisions/sha256" / digits).mkdir(parents=True)

    done = refloat("salvage", str(tmp_path), "--json", home=tmp_path.parent)

    (said,) = [image for image in json.loads(done.stdout)["images"] if image["digest"] == index.digest]
    assert [(each["digest"], each["trouble"]) for each in said["missing"]] == [(lost.digest, "missing")]
    assert said["bytes"] == sum(len(each.body) for each in (Part(CONFIG, b"{}"), part, keeps, index))
