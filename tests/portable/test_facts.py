"""The facts of a delete, as they are kept."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from refloat.core.media import OCI_INDEX, OCI_MANIFEST
from refloat.core.names import Digest, RepositoryName, Tag
from refloat.portable import facts
from refloat.portable.facts import Facts, KeptBlob, KeptManifest, artifact_of, read, written

INDEX, PART, LAYER = Digest.of(b"index"), Digest.of(b"part"), Digest.of(b"layer", "sha512")
AT = datetime(2026, 11, 28, 9, 30, 0, 1, UTC)


@pytest.fixture
def said() -> Facts:
    return Facts(
        "abcdefghij", "localhost:5000", RepositoryName("team/api"), INDEX, "image", AT, AT + timedelta(days=30),
        "ann@desk", "no reason",
        (KeptManifest(PART, OCI_MANIFEST, 4, True, ()), KeptManifest(INDEX, OCI_INDEX, 5, True, (Tag("v1"),))),
        (KeptBlob(LAYER, 5),),
    )  # fmt: skip


def test_facts_come_back_as_they_were_written(said: Facts) -> None:
    """Names are the specification's again, and so are instants."""
    again = read(written(said))
    assert again == said
    assert (again.image.algorithm, again.manifests[1].tags[0].subject, again.at.tzinfo) == ("sha256", None, UTC)


def test_they_say_the_order_of_a_delete_and_what_it_takes(said: Facts) -> None:
    """What needs goes before what is needed."""
    assert (said.takes, said.tags, said.names) == ((INDEX, PART), {"v1": INDEX}, ("team/api:v1",))
    assert said.sizes == {PART: 4, INDEX: 5, LAYER: 5}


def test_the_artifact_names_everything_as_blobs_of_no_known_type(said: Facts) -> None:
    """A registry that knew a layer for a manifest would look for it among its manifests."""
    artifact = msgspec.json.decode(artifact_of(said))
    assert [layer["digest"] for layer in artifact["layers"]] == [PART, INDEX, LAYER]
    assert artifact["config"]["digest"] == Digest.of(written(said))
    assert {layer["mediaType"] for layer in artifact["layers"]} == {facts.MANIFEST, facts.BLOB}


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "refloat.trash/2"},
        {"repository": "../x"},
        {"image": "sha256:short"},
        {"image": str(Digest.of(b"another"))},
        {"at": "yesterday"},
        {"manifests": [{"digest": str(INDEX), "mediaType": "x", "size": 1, "taken": True, "tags": ["a b"]}]},
    ],
)
def test_what_does_not_read_as_facts_is_refused(said: Facts, change: dict[str, object]) -> None:
    """Whoever may push to the trash may write there; what is read is not believed."""
    document = {**msgspec.json.decode(written(said)), **change}
    with pytest.raises(ValueError, match=r"."):
        read(msgspec.json.encode(document))
