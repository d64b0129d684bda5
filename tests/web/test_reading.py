"""Pulls on the wire: status, headers and body of each request, row by row."""

import json
from collections.abc import Mapping

import pytest

from tests.conftest import Serve
from tests.web.conftest import Seeded
from tools.serving import Served
from tools.wire import Answer

Shows = Mapping[str, str | None]  # a header and what it says; None: it is absent
LAYER_SIZE = 256 * 40

# request -> status and headers; braces in either name the seeded parts
ROWS: list[tuple[str, Mapping[str, str], int, Shows]] = [
    ("GET /", {}, 200, {"cache-control": "no-cache", "content-length": "0"}),
    ("GET /v2/", {}, 200, {"docker-distribution-api-version": "registry/2.0", "x-content-type-options": "nosniff"}),
    ("GET /v2", {}, 200, {}),
    ("HEAD /v2/", {}, 200, {}),
    ("GET {r}/manifests/v1", {}, 200, {
        "content-type": "application/vnd.oci.image.manifest.v1+json", "etag": '"{image}"',
        "docker-content-digest": "{image}", "link": None}),
    ("GET {r}/manifests/v1", {"Accept": "text/html"}, 200, {
        "content-type": "application/vnd.oci.image.manifest.v1+json"}),
    ("GET {r}/manifests/{image}", {}, 200, {"docker-content-digest": "{image}"}),
    ("HEAD {r}/manifests/v1", {}, 200, {"etag": '"{image}"'}),
    ("GET {r}/manifests/v1", {"If-None-Match": '"{image}"'}, 304, {"etag": '"{image}"'}),
    ("GET {r}/manifests/v1", {"If-None-Match": 'W/"x", W/"{image}"'}, 304, {}),
    ("GET {r}/manifests/v1", {"If-None-Match": "*"}, 304, {}),
    ("GET {r}/manifests/v1", {"If-None-Match": '"{layer}"'}, 200, {}),
    ("GET {r}/blobs/{layer}", {}, 200, {
        "content-type": "application/octet-stream", "content-length": str(LAYER_SIZE), "accept-ranges": "bytes",
        "docker-content-digest": "{layer}", "etag": '"{layer}"', "x-content-type-options": "nosniff"}),
    ("HEAD {r}/blobs/{layer}", {}, 200, {"content-length": str(LAYER_SIZE), "docker-content-digest": "{layer}"}),
    ("GET {r}/blobs/{layer}", {"If-None-Match": '"{layer}"'}, 304, {"content-length": None}),
    ("HEAD {r}/blobs/{layer}", {"If-None-Match": '"x", W/"{layer}"'}, 304, {
        "etag": '"{layer}"', "content-length": None}),
    ("HEAD {r}/blobs/{layer}", {"If-None-Match": "*"}, 304, {}),
    ("HEAD {r}/blobs/{layer}", {"If-None-Match": '"{image}"'}, 200, {}),
    ("HEAD {r}/manifests/v1", {"If-None-Match": '"{image}"'}, 304, {"etag": '"{image}"', "content-length": None}),
    ("GET {r}/blobs/{layer}", {"Range": "bytes=0-0"}, 206, {
        "content-range": f"bytes 0-0/{LAYER_SIZE}", "content-length": "1", "docker-content-digest": "{layer}"}),
    ("GET {r}/blobs/{layer}", {"Range": "bytes=10200-"}, 206, {
        "content-range": f"bytes 10200-10239/{LAYER_SIZE}", "content-length": "40"}),
    ("GET {r}/blobs/{layer}", {"Range": "bytes=-3"}, 206, {"content-range": f"bytes 10237-10239/{LAYER_SIZE}"}),
    ("GET {r}/blobs/{layer}", {"Range": "bytes=5-99999999"}, 206, {"content-length": str(LAYER_SIZE - 5)}),
    ("GET {r}/blobs/{layer}", {"Range": "bytes=99999999-"}, 416, {"content-range": f"bytes */{LAYER_SIZE}"}),
    ("GET {r}/blobs/{layer}", {"Range": "bytes=0-1,5-6"}, 200, {"content-range": None}),
    ("GET {r}/blobs/{layer}", {"Range": "lines=0-1"}, 200, {"content-range": None}),
    ("GET {r}/blobs/{layer}", {"Range": "bytes=0-9", "If-Range": '"{layer}"'}, 206, {"content-length": "10"}),
    ("GET {r}/blobs/{layer}", {"Range": "bytes=0-9", "If-Range": '"other"'}, 200, {"content-length": str(LAYER_SIZE)}),
    ("GET {r}/tags/list", {}, 200, {"content-type": "application/json"}),
    ("HEAD {r}/tags/list", {}, 200, {}),
    ("GET {r}/referrers/{image}", {}, 200, {
        "content-type": "application/vnd.oci.image.index.v1+json", "oci-filters-applied": None}),
    ("GET {r}/referrers/{image}?artifactType=a%2Fb", {}, 200, {"oci-filters-applied": "artifactType"}),
    ("GET {r}/referrers/{nothing}", {}, 200, {}),
]  # fmt: skip


@pytest.mark.parametrize(("request_line", "headers", "status", "shows"), ROWS, ids=lambda value: str(value)[:60])
def test_an_answer(seeded: Seeded, request_line: str, headers: Mapping[str, str], status: int, shows: Shows) -> None:
    method, path = request_line.split(" ")
    sent = {name.replace("-", "_"): seeded.place(value) for name, value in headers.items()}
    answer = seeded.ask(method, path, None, **sent)
    assert answer.status == status, answer.body
    for name, value in shows.items():
        assert answer.headers.get(name) == (seeded.place(value) if value is not None else None), name
    if method == "HEAD" or status == 304:
        assert answer.body == b""


REFUSALS: list[tuple[str, int, str]] = [
    ("GET /nowhere", 404, "NAME_UNKNOWN"),
    ("GET /v2/no/such/thing", 404, "NAME_UNKNOWN"),
    ("GET /v3/", 404, "NAME_UNKNOWN"),
    ("GET /v2/no/repository/manifests/v1", 404, "NAME_UNKNOWN"),
    ("GET /v2/no/repository/tags/list", 404, "NAME_UNKNOWN"),
    ("GET /v2/tags/list/tags/list", 404, "NAME_UNKNOWN"),
    ("GET /v2/a/manifests/b/manifests/v1", 404, "NAME_UNKNOWN"),
    ("GET {r}/manifests/v2", 404, "MANIFEST_UNKNOWN"),
    ("GET {r}/manifests/{nothing}", 404, "MANIFEST_UNKNOWN"),
    ("GET {r}/manifests/.hidden", 400, "NAME_INVALID"),
    ("GET {r}/manifests/sha256:short", 400, "DIGEST_INVALID"),
    ("GET {r}/manifests/sha256:" + 64 * "A", 400, "DIGEST_INVALID"),
    ("GET {r}/blobs/{nothing}", 404, "BLOB_UNKNOWN"),
    ("GET {r}/blobs/md5:00", 400, "DIGEST_INVALID"),
    ("GET {r}/blobs/sha256:" + 65 * "0", 400, "DIGEST_INVALID"),
    ("GET {r}/blobs/uploads/unknown", 404, "BLOB_UPLOAD_UNKNOWN"),
    ("GET {r}/referrers/v1", 400, "DIGEST_INVALID"),
    ("GET {r}/tags/list?n=x", 400, "PAGINATION_NUMBER_INVALID"),
    ("GET {r}/tags/list?n=-1", 400, "PAGINATION_NUMBER_INVALID"),
    ("GET {r}/tags/list?" + "a&" * 120, 400, "REQUEST_INVALID"),
    ("GET /v2/_catalog?n=1001", 400, "PAGINATION_NUMBER_INVALID"),
    ("GET /v2/_catalog?n=", 400, "PAGINATION_NUMBER_INVALID"),
    ("GET /v2/_catalog?n=" + 5000 * "9", 400, "PAGINATION_NUMBER_INVALID"),
    ("GET /v2/Upper/tags/list", 400, "NAME_INVALID"),
    ("GET /v2/a..b/tags/list", 400, "NAME_INVALID"),
    ("GET /v2/../../etc/passwd/tags/list", 400, "NAME_INVALID"),
    ("GET /v2//tags/list", 404, "NAME_UNKNOWN"),
    ("GET /v2/web%2freading/tags/list", 400, "NAME_INVALID"),
    ("GET /v2/web%2Freading/tags/list", 400, "NAME_INVALID"),
    ("GET /v2/web%252freading/tags/list", 400, "NAME_INVALID"),
    ("GET /v2/web%00/tags/list", 400, "NAME_INVALID"),
    ("GET /v2/web%0a/tags/list", 400, "NAME_INVALID"),
    ("GET /v2/web%c3%a9/tags/list", 400, "NAME_INVALID"),
    ("GET /v2/web%/tags/list", 400, "NAME_INVALID"),
    ("GET /v2/" + 256 * "a" + "/tags/list", 400, "NAME_INVALID"),
    ("GET /v2/" + 3000 * "a" + "/tags/list", 400, "NAME_INVALID"),
    ("GET /v2/at/2026-11-20/tags/list", 400, "NAME_INVALID"),
    ("POST /v2/", 405, "UNSUPPORTED"),
    ("PATCH {r}/manifests/v1", 405, "UNSUPPORTED"),
    ("PUT {r}/blobs/{layer}", 405, "UNSUPPORTED"),
    ("DELETE /v2/_catalog", 405, "UNSUPPORTED"),
    ("OPTIONS {r}/nothing/v1", 404, "NAME_UNKNOWN"),
    ("OPTIONS /v2/Upper/manifests/v1", 400, "NAME_INVALID"),
]


@pytest.mark.parametrize(("request_line", "status", "code"), REFUSALS, ids=lambda value: str(value)[:60])
def test_a_refusal(seeded: Seeded, request_line: str, status: int, code: str) -> None:
    method, path = request_line.split(" ")
    answer = seeded.ask(method, path)
    assert (answer.status, first_error(answer)["code"]) == (status, code), answer.body
    assert answer.headers["content-type"] == "application/json"
    assert len(answer.body) < 1000, "what was sent is not sent back whole"


def first_error(answer: Answer) -> Mapping[str, object]:
    document = json.loads(answer.body)
    assert list(document) == ["errors"]
    assert list(document["errors"][0]) == ["code", "message", "detail"]
    first: Mapping[str, object] = document["errors"][0]
    return first


def test_what_is_not_allowed_says_what_is(seeded: Seeded) -> None:
    assert seeded.ask("POST", "{r}/blobs/{layer}").headers["allow"] == "GET, HEAD, DELETE"


def test_bytes_are_those_that_were_pushed(seeded: Seeded) -> None:
    assert seeded.ask("GET", "{r}/manifests/v1").body == seeded.image.body
    assert seeded.ask("GET", "{r}/blobs/{layer}").body == seeded.layer.body
    assert seeded.ask("GET", "{r}/blobs/{layer}", Range="bytes=300-4999").body == seeded.layer.body[300:5000]


def test_one_decoding_is_canonical(seeded: Seeded) -> None:
    assert seeded.ask("GET", "/v2/%77eb/reading/manifests/%76%31").body == seeded.image.body


def test_referrers_are_described(seeded: Seeded) -> None:
    index = seeded.ask("GET", "{r}/referrers/{image}").document()
    described = {
        "mediaType": seeded.referrer.media_type, "digest": seeded.referrer.digest,
        "size": len(seeded.referrer.body), "artifactType": "application/vnd.example.note",
    }  # fmt: skip
    assert index["manifests"] == [described]
    filtered = seeded.ask("GET", "{r}/referrers/{image}?artifactType=application/vnd.other").document()
    assert filtered["manifests"] == []


@pytest.fixture(scope="module")
def listed(registry: Served, seeded: Seeded) -> Served:
    for tag in "abcde":
        registry.wire.push_blob("web/listed", seeded.config)
        registry.wire.push_blob("web/listed", seeded.layer)
        registry.wire.push_manifest("web/listed", tag, seeded.image)
    return registry


@pytest.mark.parametrize(
    ("query", "tags", "link"),
    [
        ("", "abcde", None),
        ("?n=5", "abcde", None),
        ("?n=2", "ab", '</v2/web/listed/tags/list?last=b&n=2>; rel="next"'),
        ("?n=2&last=b", "cd", '</v2/web/listed/tags/list?last=d&n=2>; rel="next"'),
        ("?n=2&last=d", "e", None),
        ("?last=bb", "cde", None),
        ("?last=z", "", None),
        ("?n=0", "", None),
    ],
)
def test_tags_come_in_pages(listed: Served, query: str, tags: str, link: str | None) -> None:
    answer = listed.wire.ask("GET", f"/v2/web/listed/tags/list{query}")
    assert answer.document() == {"name": "web/listed", "tags": list(tags)}
    assert answer.headers.get("link") == link


@pytest.mark.parametrize("path", ["/v2/_catalog", "/v2/_catalog/"])
def test_the_catalog_comes_in_pages(serve: Serve, seeded: Seeded, path: str) -> None:
    served = serve(REGISTRY_CATALOG_MAXENTRIES="3")
    for name in ("b", "a/b", "a", "c"):
        served.wire.push_blob(name, seeded.config)
        served.wire.push_blob(name, seeded.layer)
        served.wire.push_manifest(name, "v1", seeded.image)
    served.wire.push_blob("empty", seeded.config)
    first = served.wire.ask("GET", path)
    assert first.document() == {"repositories": ["a", "a/b", "b"]}
    assert first.headers["link"] == '</v2/_catalog?last=b&n=3>; rel="next"'
    second = served.wire.ask("GET", f"{path}?n=3&last=b")
    assert (second.document(), second.headers.get("link")) == ({"repositories": ["c"]}, None)
    assert served.wire.ask("GET", f"{path}?n=0").document() == {"repositories": []}
    assert served.wire.ask("GET", f"{path}?n=4").status == 400


def test_configured_headers_are_on_every_answer(serve: Serve, seeded: Seeded) -> None:
    headers = "{X-Content-Type-Options: [sniff], Access-Control-Allow-Origin: ['*'], X-Two: [a, b]}"
    served = serve(REGISTRY_HTTP_HEADERS=headers)
    for path in ("/v2/", "/nowhere", "/v2/_refloat/v1/", "/v2/_refloat/v1/nowhere"):
        answer = served.wire.ask("GET", path)
        assert answer.headers["access-control-allow-origin"] == "*", path
        assert answer.headers["x-content-type-options"] == "sniff", path


ADDRESSED: list[tuple[Mapping[str, str], Mapping[str, str], str]] = [
    ({}, {}, "/v2/p/blobs/uploads/"),
    ({"REGISTRY_HTTP_PREFIX": "/hub/"}, {}, "/hub/v2/p/blobs/uploads/"),
    ({"REGISTRY_HTTP_HOST": "https://hub.example"}, {}, "/v2/p/blobs/uploads/"),
    (
        {"REGISTRY_HTTP_HOST": "https://hub.example", "REGISTRY_HTTP_RELATIVEURLS": "false"},
        {},
        "https://hub.example/v2/p/blobs/uploads/",
    ),
    (
        {"REGISTRY_HTTP_RELATIVEURLS": "false"},
        {"X_Forwarded_Proto": "https", "X_Forwarded_Host": "hub.example"},
        "https://hub.example/v2/p/blobs/uploads/",
    ),
]


@pytest.mark.parametrize(("settings", "headers", "address"), ADDRESSED, ids=lambda value: str(value)[:60])
def test_addresses_are_relative_unless_told(
    serve: Serve, settings: Mapping[str, str], headers: Mapping[str, str], address: str
) -> None:
    prefix = settings.get("REGISTRY_HTTP_PREFIX", "/").rstrip("/")
    served = serve(**settings)
    answer = served.wire.ask("POST", f"{prefix}/v2/p/blobs/uploads/", None, **headers)
    assert answer.headers["location"].startswith(address)


def test_what_was_deleted_is_unknown_and_says_how_it_comes_back(registry: Served, seeded: Seeded) -> None:
    name = "web/deleted"
    registry.wire.push_blob(name, seeded.config)
    registry.wire.push_blob(name, seeded.layer)
    registry.wire.push_manifest(name, "v1", seeded.image)
    deleted = registry.wire.delete(name, seeded.image.digest)
    change = deleted.headers["refloat-change"]
    assert f"refloat undo {change}" in deleted.headers["warning"]
    for reference in ("v1", seeded.image.digest):
        error = first_error(registry.wire.manifest(name, reference))
        detail = error["detail"]
        assert isinstance(detail, dict)
        assert (error["code"], detail["deleted_by"]) == ("MANIFEST_UNKNOWN", change)
        assert detail["held_until"] > detail["deleted_at"] > "2020-01-01T00:00:00.000000Z"
    assert registry.wire.blob(name, seeded.layer.digest).status == 404
    assert registry.wire.ask("GET", f"/v2/{name}/tags/list").document()["tags"] == []
    assert registry.wire.delete(name, "v1").status == 404
