"""Pushes and deletes on the wire: manifests, uploads, mounts, and what each answer carries."""

import hashlib
import json
from collections.abc import Iterator

import pytest

from tests.conftest import Serve
from tests.web.conftest import Seeded, image_of
from tests.web.test_reading import first_error
from tools.content import CONFIG, LAYER, MANIFEST, Part, digest_of
from tools.serving import Served
from tools.wire import Answer, Wire

NAMES: Iterator[str] = (f"web/pushing/{number}" for number in range(10_000))


@pytest.fixture
def name() -> str:
    """A repository of this test's own."""
    return next(NAMES)


@pytest.fixture
def wire(registry: Served) -> Wire:
    return registry.wire


def begun(wire: Wire, name: str) -> str:
    """Return the place of a new upload."""
    answer = wire.ask("POST", f"/v2/{name}/blobs/uploads/", b"").expect(202)
    assert answer.headers["range"] == "0-0"
    assert answer.headers["location"].startswith(f"/v2/{name}/blobs/uploads/")
    return answer.headers["location"]


def code(answer: Answer) -> object:
    return first_error(answer)["code"]


class TestUploads:
    def test_in_one_request(self, wire: Wire, name: str) -> None:
        body = b"at once"
        answer = wire.ask("POST", f"/v2/{name}/blobs/uploads/?digest={digest_of(body)}", body).expect(201)
        assert answer.headers["location"] == f"/v2/{name}/blobs/{digest_of(body)}"
        assert answer.headers["docker-content-digest"] == digest_of(body)
        assert wire.blob(name, digest_of(body)).body == body

    @pytest.mark.parametrize("digest", [digest_of(b"another"), "sha256:00"])
    def test_in_one_request_with_another_digest(self, serve: Serve, digest: str) -> None:
        served = serve()
        answer = served.wire.ask("POST", f"/v2/one/blobs/uploads/?digest={digest}", b"at once").expect(400)
        assert code(answer) == "DIGEST_INVALID"
        served.wire.ask("POST", "/v2/_refloat/v1/collect", b"{}", Content_Type="application/json").expect(200)
        assert served.files() == [], "nobody was told of the session, so nobody would end it"

    def test_in_chunks(self, wire: Wire, name: str) -> None:
        place = begun(wire, name)
        first = wire.ask("PATCH", place, b"one ", Content_Range="0-3").expect(202)
        assert (first.headers["range"], first.headers["location"]) == ("0-3", place)
        wire.ask("PATCH", place, b"two ").expect(202)
        status = wire.ask("GET", place).expect(204)
        assert (status.headers["range"], status.headers["location"]) == ("0-7", place)
        digest = digest_of(b"one two three")
        wire.ask("PUT", f"{place}?digest={digest}", b"three", Content_Range="8-12").expect(201)
        assert wire.blob(name, digest).body == b"one two three"
        assert wire.ask("GET", place).status == 404

    def test_under_sha512(self, wire: Wire, name: str) -> None:
        digest = "sha512:" + hashlib.sha512(b"long").hexdigest()
        place = wire.ask("POST", f"/v2/{name}/blobs/uploads/?digest-algorithm=sha512", b"").expect(202)
        wire.ask("PUT", f"{place.headers['location']}?digest={digest}", b"long").expect(201)
        assert wire.blob(name, digest).body == b"long"
        assert code(wire.ask("POST", f"/v2/{name}/blobs/uploads/?digest-algorithm=md5", b"")) == "DIGEST_INVALID"

    def test_out_of_order(self, wire: Wire, name: str) -> None:
        place = begun(wire, name)
        wire.ask("PATCH", place, b"12345").expect(202)
        for start in (0, 4, 6):
            for method, query in (("PATCH", ""), ("PUT", "?digest=" + digest_of(b""))):
                answer = wire.ask(method, place + query, b"xyz", Content_Range=f"{start}-{start + 2}").expect(416)
                assert (answer.headers["range"], answer.headers["location"]) == ("0-4", place)
                assert code(answer) == "BLOB_UPLOAD_INVALID"
        wire.ask("PUT", f"{place}?digest={digest_of(b'12345')}", b"").expect(201)

    @pytest.mark.parametrize("said", ["x-y", "5", "9-3", "0-2,3-4", "0-99999999999999999999"])
    def test_a_range_that_is_none(self, wire: Wire, name: str, said: str) -> None:
        answer = wire.ask("PATCH", begun(wire, name), b"123", Content_Range=said).expect(400)
        assert code(answer) == "BLOB_UPLOAD_INVALID"

    def test_a_length_that_is_not_what_was_announced(self, wire: Wire, name: str) -> None:
        place = begun(wire, name)
        assert code(wire.ask("PATCH", place, b"123", Content_Range="0-9").expect(400)) == "SIZE_INVALID"
        assert wire.ask("GET", place).headers["range"] == "0-0", "nothing was recorded"

    def test_another_digest(self, wire: Wire, name: str) -> None:
        place = begun(wire, name)
        wire.ask("PATCH", place, b"right").expect(202)
        assert code(wire.ask("PUT", f"{place}?digest={digest_of(b'wrong')}", b"").expect(400)) == "DIGEST_INVALID"
        wire.ask("PUT", f"{place}?digest={digest_of(b'right')}", b"").expect(201)

    @pytest.mark.parametrize("query", ["", "?digest=", "?digest=md5:00", "?digest=sha256:00"])
    def test_no_digest(self, wire: Wire, name: str, query: str) -> None:
        assert code(wire.ask("PUT", begun(wire, name) + query, b"x").expect(400)) == "DIGEST_INVALID"

    def test_cancelled(self, wire: Wire, name: str) -> None:
        place = begun(wire, name)
        wire.ask("DELETE", place).expect(204)
        for method in ("GET", "PATCH", "PUT", "DELETE"):
            answer = wire.ask(method, f"{place}?digest={digest_of(b'x')}", b"x").expect(404)
            assert code(answer) == "BLOB_UPLOAD_UNKNOWN"

    def test_of_another_repository(self, wire: Wire, name: str) -> None:
        place = begun(wire, name).replace(name, name + "0")
        for method in ("GET", "PATCH", "DELETE"):
            assert code(wire.ask(method, place, b"x").expect(404)) == "BLOB_UPLOAD_UNKNOWN"

    def test_finished_again(self, wire: Wire, name: str) -> None:
        place = begun(wire, name)
        for _ in range(2):
            answer = wire.ask("PUT", f"{place}?digest={digest_of(b'same')}", b"same").expect(201)
            assert answer.headers["location"] == f"/v2/{name}/blobs/{digest_of(b'same')}"
        assert wire.ask("PUT", f"{place}?digest={digest_of(b'other')}", b"other").status == 404

    def test_no_room(self, serve: Serve) -> None:
        served = serve(REGISTRY_REFLOAT_RESERVE="99.9%")
        for query in ("", "?digest=" + digest_of(b"x")):
            answer = served.wire.ask("POST", "/v2/full/blobs/uploads/" + query, b"x")
            assert (answer.status, code(answer)) == (507, "STORAGE_FULL")


class TestMounts:
    def test_from_where_it_can_be_read(self, wire: Wire, name: str, seeded: Seeded) -> None:
        query = f"?mount={seeded.layer.digest}&from=web/reading"
        answer = wire.ask("POST", f"/v2/{name}/blobs/uploads/{query}", b"").expect(201)
        assert answer.headers["location"] == f"/v2/{name}/blobs/{seeded.layer.digest}"
        assert answer.headers["docker-content-digest"] == seeded.layer.digest
        assert wire.blob(name, seeded.layer.digest).body == seeded.layer.body

    @pytest.mark.parametrize(
        "query",
        ["?mount={layer}", "?mount={layer}&from=", "?mount={layer}&from=no/where", "?mount={layer}&from=UPPER",
         "?mount={nothing}&from=web/reading", "?mount={layer}&from=at/2026-11-20/web/reading"],
    )  # fmt: skip
    def test_otherwise_there_is_a_session(self, wire: Wire, name: str, seeded: Seeded, query: str) -> None:
        answer = wire.ask("POST", seeded.place(f"/v2/{name}/blobs/uploads/{query}"), b"").expect(202)
        assert wire.ask("GET", answer.headers["location"]).status == 204


class TestManifests:
    def prepared(self, wire: Wire, name: str, salt: str = "") -> Part:
        config, layer = Part(CONFIG, b"{}"), Part(LAYER, f"layer {salt}".encode())
        for part in (config, layer):
            wire.push_blob(name, part)
        return image_of(config, layer)

    def test_by_tag(self, wire: Wire, name: str) -> None:
        image = self.prepared(wire, name)
        answer = wire.push_manifest(name, "v1", image)
        assert answer.headers["location"] == f"/v2/{name}/manifests/{image.digest}"
        assert answer.headers["docker-content-digest"] == image.digest
        assert answer.headers["etag"] == f'"{image.digest}"'
        assert len(answer.headers["refloat-change"]) == 10
        assert "refloat-change" not in wire.push_manifest(name, "v1", image).headers, "nothing moved"

    def test_by_digest_with_tags(self, wire: Wire, name: str) -> None:
        image = self.prepared(wire, name)
        answer = wire.push_manifest(name, image.digest + "?tag=a&tag=b", image)
        assert "b" in answer.headers["oci-tag"]
        assert wire.ask("GET", f"/v2/{name}/tags/list").document()["tags"] == ["a", "b"]
        assert code(wire.ask("PUT", f"/v2/{name}/manifests/{image.digest}?tag=-", image.body)) == "NAME_INVALID"

    def test_with_a_subject(self, wire: Wire, name: str, seeded: Seeded) -> None:
        base = self.prepared(wire, name)
        document = {**json.loads(base.body), "subject": seeded.image.descriptor()}
        answer = wire.push_manifest(name, "sig", Part(MANIFEST, json.dumps(document).encode()))
        assert answer.headers["oci-subject"] == seeded.image.digest

    def test_only_if_it_is_what_was_seen(self, wire: Wire, name: str) -> None:
        one, two = self.prepared(wire, name, "one"), self.prepared(wire, name, "two")
        path = f"/v2/{name}/manifests/v1"
        assert wire.ask("PUT", path, one.body, If_Match=f'"{two.digest}"').status == 412
        wire.ask("PUT", path, one.body).expect(201)
        assert code(wire.ask("PUT", path, two.body, If_Match=f'"{two.digest}"').expect(412)) == "DENIED"
        wire.ask("PUT", path, two.body, If_Match=f'"{one.digest}"').expect(201)

    def test_only_if_nothing_is_there_yet(self, wire: Wire, name: str) -> None:
        one, two = self.prepared(wire, name, "one"), self.prepared(wire, name, "two")
        path = f"/v2/{name}/manifests/v1"
        wire.ask("PUT", path, one.body, If_None_Match="*").expect(201)
        refused = wire.ask("PUT", path, two.body, If_None_Match="*").expect(412)
        assert (code(refused), first_error(refused)["detail"]) == ("DENIED", {"digest": one.digest})
        for seen in (f'"{one.digest}"', f'"{two.digest}", W/"{one.digest}"'):
            wire.ask("PUT", path, two.body, If_None_Match=seen).expect(412)
        assert wire.manifest(name, "v1").body == one.body
        wire.ask("PUT", path, two.body, If_None_Match=f'"{two.digest}"').expect(201)
        wire.ask("DELETE", path).expect(202)
        wire.ask("PUT", path, one.body, If_None_Match="*").expect(201)

    def test_deleted_only_if_it_is_what_was_seen(self, wire: Wire, name: str) -> None:
        one, two = self.prepared(wire, name, "one"), self.prepared(wire, name, "two")
        path = f"/v2/{name}/manifests/v1"
        assert wire.ask("DELETE", path, If_Match="*").status == 404, "what is not there is not there first of all"
        wire.ask("PUT", path, one.body).expect(201)
        for seen in (f'"{two.digest}"', f'W/"{one.digest}"'):
            refused = wire.ask("DELETE", path, If_Match=seen).expect(412)
            assert "refloat-change" not in refused.headers
            assert first_error(refused)["detail"] == {"digest": one.digest}
        assert wire.manifest(name, "v1").body == one.body
        wire.ask("DELETE", path, If_Match=f'"{one.digest}"').expect(202)
        digest = f"/v2/{name}/manifests/{one.digest}"
        wire.ask("DELETE", digest, If_Match=f'"{two.digest}"').expect(412)
        wire.ask("DELETE", digest, If_Match="*").expect(202)

    def test_missing_blobs_are_named(self, wire: Wire, name: str) -> None:
        image = self.prepared(wire, name)
        missing = Part(LAYER, b"never pushed")
        document = json.loads(image.body)
        document["layers"].append(missing.descriptor())
        answer = wire.ask("PUT", f"/v2/{name}/manifests/v1", json.dumps(document).encode(), Content_Type=MANIFEST)
        error = first_error(answer.expect(404))
        assert (error["code"], error["detail"]) == ("MANIFEST_BLOB_UNKNOWN", [{"digest": missing.digest}])

    @pytest.mark.parametrize(
        ("body", "wrong"),
        [(b"not json", "MANIFEST_INVALID"), (b"[]", "MANIFEST_INVALID"), (b"", "MANIFEST_INVALID"),
         (b"{" * 100_000, "MANIFEST_INVALID")],
        ids=["words", "list", "nothing", "nested"],
    )  # fmt: skip
    def test_what_is_none(self, wire: Wire, name: str, body: bytes, wrong: str) -> None:
        assert code(wire.ask("PUT", f"/v2/{name}/manifests/v1", body, Content_Type=MANIFEST).expect(400)) == wrong

    def test_another_digest(self, wire: Wire, name: str, seeded: Seeded) -> None:
        image = self.prepared(wire, name)
        answer = wire.ask("PUT", f"/v2/{name}/manifests/{seeded.layer.digest}", image.body).expect(400)
        assert code(answer) == "DIGEST_INVALID"

    def test_too_large(self, wire: Wire, name: str) -> None:
        body = json.dumps({"schemaVersion": 2, "x": "y" * (4 << 20)}).encode()
        assert code(wire.ask("PUT", f"/v2/{name}/manifests/v1", body).expect(413)) == "SIZE_INVALID"

    def test_as_large_as_may_be(self, wire: Wire, name: str) -> None:
        image = self.prepared(wire, name)
        body = image.body[:-1] + b', "annotations": {"x": "' + b"y" * ((4 << 20) - len(image.body) - 26) + b'"}}'
        assert 0 <= (4 << 20) - len(body) < 10
        wire.ask("PUT", f"/v2/{name}/manifests/v1", body, Content_Type=MANIFEST).expect(201)
        assert wire.manifest(name, "v1").body == body


class TestDeletes:
    def test_a_tag(self, wire: Wire, name: str) -> None:
        image = TestManifests().prepared(wire, name)
        wire.push_manifest(name, "v1", image)
        answer = wire.delete(name, "v1").expect(202)
        change = answer.headers["refloat-change"]
        assert answer.headers["warning"].startswith('299 - "')
        assert answer.headers["warning"].endswith(f'refloat undo {change}"')
        assert wire.manifest(name, "v1").status == 404
        assert wire.manifest(name, image.digest).body == image.body, "the manifest stays"

    def test_who_did_it_is_written_down_safely(self, registry: Served, name: str) -> None:
        image = TestManifests().prepared(registry.wire, name)
        agent, reason = "evil\x1b[2J\xe9" + 500 * "x", "because\x07"
        path = f"/v2/{name}/manifests/v1"
        registry.wire.ask("PUT", path, image.body, User_Agent=agent.replace("\x1b", "\t"), Refloat_Reason="because\t!")
        change = registry.wire.ask("GET", f"/v2/_refloat/v1/changes/{registry.last_change(name)}").document()
        assert change["address"] == "127.0.0.1"
        assert str(change["client"]).startswith("evil?[2J?xxx")
        assert len(str(change["client"])) == 200
        assert change["reason"] == reason.replace("\x07", "?!")

    def test_a_blob_ends_the_lease_only(self, wire: Wire, name: str) -> None:
        image = TestManifests().prepared(wire, name)
        used, loose = json.loads(image.body)["layers"][0]["digest"], Part(LAYER, b"loose")
        wire.push_manifest(name, "v1", image)
        wire.push_blob(name, loose)
        for digest in (used, loose.digest):
            wire.ask("DELETE", f"/v2/{name}/blobs/{digest}").expect(202)
        assert wire.blob(name, used).status == 200
        assert wire.blob(name, loose.digest).status == 404
        assert code(wire.ask("DELETE", f"/v2/{name}/blobs/{loose.digest}").expect(404)) == "BLOB_UNKNOWN"

    def test_switched_off(self, serve: Serve, name: str) -> None:
        served = serve(REGISTRY_STORAGE_DELETE_ENABLED="false")
        image = TestManifests().prepared(served.wire, name)
        served.wire.push_manifest(name, "v1", image)
        layer = json.loads(image.body)["layers"][0]["digest"]
        for path in ("manifests/v1", f"manifests/{image.digest}", "manifests/none", f"blobs/{layer}"):
            assert code(served.wire.ask("DELETE", f"/v2/{name}/{path}").expect(405)) == "UNSUPPORTED"
        assert served.wire.manifest(name, "v1").status == 200
