"""What lies deep in what was pushed is no one's trouble: neither who compares it, nor who lists what is beside it."""

import json

import pytest

from tools.content import CONFIG, MANIFEST, Part
from tools.serving import Served
from tools.wire import Answer, Wire

API = "/v2/_refloat/v1"
LONGEST = 500  # levels of a manifest


class Place:
    def __init__(self, wire: Wire, name: str) -> None:
        self.wire, self.name = wire, name

    def image(self, config: bytes, more: bytes = b"", media_type: str = MANIFEST, subject: Part | None = None) -> Part:
        part = Part(CONFIG, config)
        self.wire.push_blob(self.name, part)
        document = {"schemaVersion": 2, "config": part.descriptor(), "layers": []}
        if subject is not None:
            document["subject"] = subject.descriptor()
        body = json.dumps(document).encode()
        return Part(media_type, body[:-1] + b',"x":' + more + b"}" if more else body)

    def put(self, reference: str, part: Part) -> Answer:
        path = f"/v2/{self.name}/manifests/{reference}"
        return self.wire.ask("PUT", path, part.body, Content_Type=part.media_type)

    def ask(self, what: str) -> Answer:
        return self.wire.ask("GET", f"{API}/repositories/{self.name}/{what}")


@pytest.fixture
def place(registry: Served, request: pytest.FixtureRequest) -> Place:
    return Place(registry.wire, f"deep/{request.node.name.partition('[')[0][5:].replace('_', '-')}")


def nested(levels: int, innermost: bytes = b"") -> bytes:
    return b"[" * levels + innermost + b"]" * levels


@pytest.mark.parametrize("levels", [100, 700, 850, 950, 960, 970, 980, 2000])
def test_configs_nested_however_deep_are_compared(place: Place, levels: int) -> None:
    for tag in ("one", "two"):
        config = b'{"os":"linux","architecture":"amd64","config":{"User":"%s","Cmd":%s}}'
        place.put(tag, place.image(config % (tag.encode(), nested(levels, b'"%s"' % tag.encode())))).expect(201)
    found = place.ask("comparison?old=one&new=two").expect(200).document()["images"]
    assert isinstance(found, list)
    if levels <= 950:  # beyond, the config counts as one that cannot be read
        names = [setting["name"] for image in found for setting in image["config"]]
        assert names == ["Cmd", "User"]


PLATFORM = b'{"os":%s,"architecture":"amd64"}'
ENVIRONMENT = b'{"os":"linux","architecture":"amd64","config":{"Env":[%s]}}'


@pytest.mark.parametrize("config", [PLATFORM, ENVIRONMENT], ids=["platform", "environment"])
def test_what_should_be_text_and_lies_deep_is_no_text(place: Place, config: bytes) -> None:
    for levels in range(950, 990, 2):
        for tag in ("one", "two"):
            place.put(tag, place.image(config % nested(levels, b'"%s"' % tag.encode()))).expect(201)
        assert place.ask("images").status == 200
        assert place.ask("image?reference=one").status == 200
        assert place.ask("comparison?old=one&new=two").status == 200


@pytest.mark.parametrize("where", [b'"config":{"digest":%s}', b'"layers":[{"digest":%s}]', b'"subject":{"digest":%s}'])
def test_what_should_be_a_digest_and_lies_deep_is_no_digest(place: Place, where: bytes) -> None:
    part = Part("application/vnd.example.thing.v1+json", b"{" + where % nested(LONGEST - 3) + b"}")
    status = place.put("one", part).status
    assert status == (400 if b"subject" in where else 201)
    if status == 201:
        assert place.ask("image?reference=one").status == 200
        assert place.ask("comparison?old=one&new=one").status == 200


def test_a_manifest_is_taken_as_deep_as_every_reader_gets(place: Place) -> None:
    subject = place.image(b"{}")
    place.put("subject", subject).expect(201)
    for levels in (LONGEST - 1, LONGEST, 900, *range(950, 1000, 2), 100_000):
        part = place.image(b"{}", nested(levels), subject=subject)
        answer = place.put(part.digest, part)
        assert answer.status == (201 if levels < LONGEST else 400), levels
        if answer.status == 400:
            said = f"the manifest is nested deeper than {LONGEST} levels"
            assert json.loads(answer.body)["errors"][0]["message"] == said
        listed = place.wire.ask("GET", f"/v2/{place.name}/referrers/{subject.digest}").expect(200)
        manifests = listed.document()["manifests"]
        assert isinstance(manifests, list)
        assert len(manifests) == 1


def test_many_brackets_are_no_depth(place: Place) -> None:
    part = place.image(b"{}", b"[" + b",".join([b"{}"] * 1000) + b"]")
    assert place.put("one", part).status == 201
