"""How much one manifest may name, and that a large one keeps nobody waiting who writes little."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from refloat.core.names import Digest
from refloat.metadata.migrate import migrate
from refloat.metadata.store import SqliteMetadata
from refloat.usecases import push
from refloat.usecases.delete import delete_reference
from tests.conftest import Serve
from tests.usecases.conftest import TEAM, Registry, index_of
from tools.content import INDEX, MANIFEST
from tools.serving import Served
from tools.wire import Answer

MOST = 30_000
LARGE = 12
OTHER = "application/vnd.example.bundle.v1+json"


def digests(count: int, first: int = 0) -> list[str]:
    return [f"sha256:{first + number:064x}" for number in range(count)]


def index(names: list[str], **more: object) -> bytes:
    document = {"schemaVersion": 2, "manifests": [{"digest": name} for name in names], **more}
    return json.dumps(document, separators=(",", ":")).encode()


def image(names: list[str]) -> bytes:
    config, *layers = [{"digest": name} for name in names]
    return json.dumps({"schemaVersion": 2, "config": config, "layers": layers}, separators=(",", ":")).encode()


def other(names: list[str]) -> bytes:
    """A body of a type nobody knows, which names things deep inside."""
    return json.dumps({"parts": [[{"digest": name}] for name in names]}, separators=(",", ":")).encode()


def put(served: Served, reference: str, body: bytes, media_type: str = INDEX) -> Answer:
    return served.wire.ask("PUT", f"/v2/vast/manifests/{reference}", body, Content_Type=media_type)


@pytest.mark.parametrize(("body", "media_type"), [(index, INDEX), (other, OTHER)], ids=["index", "other"])
def test_a_manifest_may_name_so_much_and_no_more(registry: Served, body: type, media_type: str) -> None:
    assert put(registry, f"{media_type[-12:-5]}-most", body(digests(MOST)), media_type).status == 201
    refused = put(registry, "more", body(digests(MOST + 1)), media_type)
    (error,) = json.loads(refused.body)["errors"]
    assert (refused.status, error["code"]) == (400, "MANIFEST_INVALID")
    assert "30001" in error["message"]
    assert "30000" in error["message"]
    assert error["detail"] == {"named": MOST + 1, "limit": MOST}


def test_too_many_layers_are_told_before_they_are_missed(registry: Served) -> None:
    answers = [put(registry, "image", image(digests(count)), MANIFEST) for count in (MOST, MOST + 1)]
    codes = [(answer.status, json.loads(answer.body)["errors"][0]["code"]) for answer in answers]
    assert codes == [(404, "MANIFEST_BLOB_UNKNOWN"), (400, "MANIFEST_INVALID")]


def test_the_same_digest_many_times_is_one(registry: Served) -> None:
    assert put(registry, "same", index(digests(1) * (MOST + 1))).status == 201


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_writes_little_is_answered_while_large_ones_wait(serve: Serve, workers: str) -> None:
    served = serve(REGISTRY_REFLOAT_WORKERS=workers)
    answered: list[int] = []

    def push_large(number: int) -> None:
        answered.append(put(served, f"v{number}", index(digests(20_000, number * 100_000))).status)

    pushes = [threading.Thread(target=push_large, args=(number,)) for number in range(LARGE)]
    for one in pushes:
        one.start()
    while not answered:  # now the others are there, too
        served.wire.ask("GET", "/v2/")
    served.wire.ask("POST", "/v2/little/blobs/uploads/").expect(202)
    before = len(answered)
    for one in pushes:
        one.join()
    assert before < LARGE
    assert answered == [201] * LARGE


@pytest.fixture
def inside(tmp_path: Path) -> Iterator[Registry]:
    migrate(tmp_path / "refloat.db")
    metadata = SqliteMetadata(tmp_path / "refloat.db", tmp_path, lambda: False)
    yield Registry(metadata)
    metadata.close()


def test_what_is_stored_is_put_back_whatever_it_names(inside: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    body = index_of(b"one", b"two", b"three")
    inside.put("v1", body)
    monkeypatch.setattr(push, "MOST_NAMED", 2)
    inside.do(lambda tx: delete_reference(tx, TEAM, Digest.of(body), inside.cause()))
    assert inside.tips() == {}
    inside.put("v1", body)
    assert set(inside.tips()) == {"v1", Digest.of(body)}
