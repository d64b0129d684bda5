"""The list of referrers in pages: none is larger than a manifest may be, and nothing is missed or told twice."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from refloat.client.origin import parse_origin
from refloat.client.registry import Registry
from tests.conftest import Serve
from tests.programs import needed, run
from tests.web.conftest import image_of
from tools.content import CONFIG, INDEX, MANIFEST, Part
from tools.serving import Served
from tools.wire import Answer

ROOM = 4 * 1024 * 1024  # bytes: as large as a manifest may be, and as much as oras reads
SBOM, SIGNATURE = "application/vnd.example.sbom+json", "application/vnd.example.signature"
EMPTY = Part(CONFIG, b"{}")


def subject_in(served: Served, name: str) -> Part:
    """Push an image under the tag `v1`."""
    subject = image_of(EMPTY)
    served.wire.push_blob(name, EMPTY)
    served.wire.push_manifest(name, "v1", subject)
    return subject


def attached(served: Served, name: str, subject: Part, referrers: Sequence[Part]) -> set[str]:
    """Push manifests over one connection and return their digests."""
    with closing(HTTPConnection(served.address, timeout=60)) as connection:
        for referrer in referrers:
            path = f"/v2/{name}/manifests/{referrer.digest}"
            connection.request("PUT", path, referrer.body, {"Content-Type": MANIFEST})
            answer = connection.getresponse()
            assert answer.status == 201, answer.read()
            assert answer.getheader("oci-subject") == subject.digest
            answer.read()
    return {referrer.digest for referrer in referrers}


def referrer_to(subject: Part, number: int, kind: str = SBOM, note: str = "") -> Part:
    said = {"number": str(number), **({"note": note} if note else {})}
    return image_of(EMPTY, subject=subject.descriptor(), artifactType=kind, annotations=said)


def pages(served: Served, path: str | None) -> Iterator[Answer]:
    """Yield a list page by page, as the Link headers lead."""
    while path is not None:
        answer = served.wire.ask("GET", path).expect(200)
        yield answer
        path = following(answer)


def following(answer: Answer) -> str | None:
    link = answer.headers.get("link")
    if link is None:
        return None
    assert link.startswith("</v2/")
    assert link.endswith('>; rel="next"')
    return link[1:].partition(">")[0]


def described(answers: Sequence[Answer]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for answer in answers:
        document = json.loads(answer.body)
        assert (document["schemaVersion"], document["mediaType"]) == (2, INDEX)
        assert answer.headers["content-type"] == INDEX
        found += document["manifests"]
    return found


@pytest.fixture(scope="module")
def many(registry: Served) -> tuple[Served, str, Part, set[str]]:
    """600 referrers whose annotations are 8 kB each: more than one page has room for."""
    name = "referrers/many"
    subject = subject_in(registry, name)
    referrers = [referrer_to(subject, number, note="x" * 8000) for number in range(600)]
    return registry, name, subject, attached(registry, name, subject, referrers)


def test_no_page_is_larger_than_a_manifest_and_together_they_are_all(
    many: tuple[Served, str, Part, set[str]],
) -> None:
    served, name, subject, pushed = many
    answers = list(pages(served, f"/v2/{name}/referrers/{subject.digest}"))
    assert len(answers) == 2, "as few as may be: not every client goes on"
    assert max(len(answer.body) for answer in answers) <= ROOM
    found = described(answers)
    assert len(found) == len(pushed)
    assert {entry["digest"] for entry in found} == pushed
    assert {entry["annotations"]["note"] for entry in found} == {"x" * 8000}  # type: ignore[index]


def test_oras_and_regctl_read_on(many: tuple[Served, str, Part, set[str]], tmp_path: Path) -> None:
    served, name, subject, pushed = many
    image = f"{served.address}/{name}@{subject.digest}"
    told = run(needed("oras"), "discover", "--plain-http", "--format", "json", image)
    assert {entry["digest"] for entry in json.loads(told)["referrers"]} == pushed
    config = {"REGCTL_CONFIG": str(tmp_path / "regctl.json")}
    run(needed("regctl"), "registry", "set", "--tls", "disabled", served.address, env=config)
    listed = run(needed("regctl"), "artifact", "list", "--format", "{{jsonPretty .}}", image, env=config)
    assert {entry["digest"] for entry in json.loads(listed)["descriptors"]} == pushed


def test_our_own_client_reads_on(many: tuple[Served, str, Part, set[str]]) -> None:
    served, name, subject, pushed = many
    found = Registry(parse_origin(served.address, "loopback")).referrers(name, subject.digest)
    assert found is not None
    assert len(found) == len(pushed)
    assert {pointer.digest for pointer in found} == pushed


def test_a_page_has_as_many_as_are_asked_for_of_one_type(registry: Served) -> None:
    name = "referrers/filtered"
    subject = subject_in(registry, name)
    kinds = {SBOM: set[str](), SIGNATURE: set[str]()}
    for number in range(23):
        kind = SBOM if number % 3 else SIGNATURE
        kinds[kind] |= attached(registry, name, subject, [referrer_to(subject, number, kind)])
    for kind, pushed in kinds.items():
        asked = f"/v2/{name}/referrers/{subject.digest}?n=4&artifactType={kind.replace('+', '%2B')}"
        answers = list(pages(registry, asked))
        assert len(answers) == -(-len(pushed) // 4)
        assert [len(json.loads(answer.body)["manifests"]) for answer in answers[:-1]] == [4] * (len(answers) - 1)
        assert all(answer.headers["oci-filters-applied"] == "artifactType" for answer in answers)
        found = described(answers)
        assert len(found) == len(pushed)
        assert {entry["digest"] for entry in found} == pushed
        assert {entry["artifactType"] for entry in found} == {kind}
    everything = described(list(pages(registry, f"/v2/{name}/referrers/{subject.digest}?n=1")))
    assert [entry["digest"] for entry in everything] == sorted(kinds[SBOM] | kinds[SIGNATURE])


@pytest.mark.parametrize(("n", "sizes"), [("0", [0]), ("1", [1, 1, 1]), ("3", [3]), ("4", [3]), ("999999999", [3])])
def test_the_last_page_leads_nowhere(registry: Served, n: str, sizes: list[int]) -> None:
    name = f"referrers/last-{n}"
    subject = subject_in(registry, name)
    attached(registry, name, subject, [referrer_to(subject, number) for number in range(3)])
    answers = list(pages(registry, f"/v2/{name}/referrers/{subject.digest}?n={n}"))
    assert [len(described([answer])) for answer in answers] == sizes


@pytest.mark.parametrize("n", ["", "x", "-1", "1e3", "9999999999"])
def test_a_number_that_is_none_is_refused(registry: Served, n: str) -> None:
    answer = registry.wire.ask("GET", f"/v2/referrers/none/referrers/sha256:{64 * '0'}?n={n}").expect(400)
    assert json.loads(answer.body)["errors"][0]["code"] == "PAGINATION_NUMBER_INVALID"


def test_what_comes_and_goes_meanwhile_moves_nothing_between_pages(registry: Served) -> None:
    name = "referrers/meanwhile"
    subject = subject_in(registry, name)
    referrers = [referrer_to(subject, number) for number in range(40)]
    there = sorted(attached(registry, name, subject, referrers))
    turning = pages(registry, f"/v2/{name}/referrers/{subject.digest}?n=10")
    seen = [str(entry["digest"]) for entry in described([next(turning)])]
    assert seen == there[:10]
    gone = {there[2], there[9], there[10], there[25]}  # the last one seen among them, and the one that would follow
    for digest in gone:
        registry.wire.delete(name, digest).expect(202)
    new = attached(registry, name, subject, [referrer_to(subject, number) for number in range(40, 60)])
    seen += [str(entry["digest"]) for entry in described(list(turning))]
    assert len(seen) == len(set(seen))
    assert set(there) - gone <= set(seen)
    assert set(seen) - set(there) <= new
    assert not {there[10], there[25]} & set(seen)


def test_one_that_fills_a_page_alone_is_told_with_all_it_says(registry: Served) -> None:
    name = "referrers/huge"
    subject = subject_in(registry, name)
    small = len(referrer_to(subject, 0, note="x").body)
    huge = [referrer_to(subject, number, note="y" * (ROOM - small + 1 - number)) for number in range(2)]
    assert max(len(referrer.body) for referrer in huge) == ROOM
    pushed = attached(registry, name, subject, [*huge, *(referrer_to(subject, number) for number in range(2, 9))])
    answers = list(pages(registry, f"/v2/{name}/referrers/{subject.digest}"))
    assert max(len(answer.body) for answer in answers) <= ROOM
    found = described(answers)
    assert {entry["digest"] for entry in found} == pushed
    assert len(found) == len(pushed)
    notes = [len(entry["annotations"].get("note", "")) for entry in found]  # type: ignore[attr-defined]
    assert sorted(notes)[-2:] == sorted(ROOM - small + 1 - number for number in range(2))


def test_large_manifests_that_say_little_are_listed_too(registry: Served) -> None:
    """What a page costs to read is bounded as well: it ends early, and leads on."""
    name = "referrers/large"
    subject = subject_in(registry, name)
    referrers = [
        image_of(EMPTY, subject=subject.descriptor(), artifactType=SBOM, number=number, padding="z" * (ROOM - 1000))
        for number in range(6)
    ]
    pushed = attached(registry, name, subject, referrers)
    answers = list(pages(registry, f"/v2/{name}/referrers/{subject.digest}"))
    assert len(answers) > 1
    found = described(answers)
    assert [entry["digest"] for entry in found] == sorted(pushed)
    shown = registry.wire.ask("GET", f"/v2/_refloat/v1/repositories/{name}/image?reference=v1").expect(200).document()
    assert [entry["digest"] for entry in shown["referrers"]] == sorted(pushed)  # type: ignore[attr-defined]


def test_a_damaged_one_hides_no_other(serve: Serve) -> None:
    served, name = serve(), "referrers/damaged"
    subject = subject_in(served, name)
    pushed = sorted(attached(served, name, subject, [referrer_to(subject, number) for number in range(3)]))
    with closing(sqlite3.connect(served.root / "refloat" / "refloat.db", timeout=60)) as database, database:
        database.execute("UPDATE manifests SET body = ? WHERE digest = ?", (b'{"annotations": ', pushed[1]))
    found = described(list(pages(served, f"/v2/{name}/referrers/{subject.digest}")))
    assert [entry["digest"] for entry in found] == pushed
    assert ["annotations" in entry for entry in found] == [True, False, True]
    assert served.wire.manifest(name, pushed[1]).status == 404


def test_a_fallback_tag_stays_what_was_pushed(registry: Served) -> None:
    name = "referrers/fallback"
    subject = subject_in(registry, name)
    pushed = attached(registry, name, subject, [referrer_to(subject, number) for number in range(3)])
    fallback = Part(INDEX, json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).encode())
    tag = subject.digest.replace(":", "-")
    registry.wire.push_manifest(name, tag, fallback)
    assert registry.wire.manifest(name, tag).body == fallback.body
    listed = described(list(pages(registry, f"/v2/{name}/referrers/{subject.digest}?n=2")))
    assert {entry["digest"] for entry in listed} == pushed


def test_absolute_addresses_lead_on_too(serve: Serve) -> None:
    served = serve(
        REGISTRY_HTTP_RELATIVEURLS="false", REGISTRY_HTTP_PREFIX="/hub/", REGISTRY_HTTP_HOST="https://r.example"
    )
    answer = served.wire.ask("GET", f"/hub/v2/r/referrers/sha256:{64 * '0'}").expect(200)
    assert "link" not in answer.headers
    place = served.wire.ask("POST", "/hub/v2/r/blobs/uploads/", b"").headers["location"]
    assert place.startswith("https://r.example/hub/v2/r/blobs/uploads/")
    served.wire.ask("POST", f"/hub/v2/r/blobs/uploads/?digest={EMPTY.digest}", EMPTY.body).expect(201)
    subject = image_of(EMPTY)
    for part in (subject, referrer_to(subject, 1), referrer_to(subject, 2)):
        served.wire.ask("PUT", f"/hub/v2/r/manifests/{part.digest}", part.body, Content_Type=MANIFEST).expect(201)
    answer = served.wire.ask("GET", f"/hub/v2/r/referrers/{subject.digest}?n=1").expect(200)
    assert answer.headers["link"].startswith(
        f"<https://r.example/hub/v2/r/referrers/{subject.digest}?n=1&last=sha256%3A"
    )
