"""What holds for every address of the management API, whoever adds one: each test reads the table."""

import json
import re
from collections.abc import Mapping

import msgspec
import pytest

from refloat.core.errors import code_of
from refloat.web.errors import WIRE
from refloat.web.management_addresses import ADDRESSES, openapi
from refloat.web.management_queries import Page, Query, parameters
from refloat.web.management_table import Address
from tools.content import make_content
from tools.openapi import PLACE, written
from tools.provision import HOME
from tools.serving import Served
from tools.wire import Answer

API = "/v2/_refloat/v1"
REPOSITORY = "addresses/api"
DOCUMENT = (HOME / "docs" / "api.md").read_text(encoding="utf-8")
HEADING = re.compile(r"^##+ (GET|POST) `(?:/v2/_refloat/v1/)?([^`?]*)(?:\?([^`]*))?`", re.MULTILINE)
every_address = pytest.mark.parametrize("address", ADDRESSES, ids=lambda address: f"{address.method} {address.path}")


@pytest.fixture(scope="module")
def seeded(registry: Served) -> Mapping[str, str]:
    """What stands for the parameters of paths: a repository with a past, and its change that moved most."""
    content = make_content("addresses")
    for tag in ("v1", "v2", "v3"):
        registry.wire.push(REPOSITORY, tag, content)
    body = json.dumps({"repositories": [REPOSITORY]}).encode()
    removed = registry.wire.ask("POST", f"{API}/remove", body).expect(201).headers["refloat-change"]
    registry.wire.ask("POST", f"{API}/changes/{removed}/undo").expect(201)
    for number in range(3):
        registry.wire.push(f"addresses/other{number}", "v1", content)
        registry.wire.push(REPOSITORY, "gone", make_content(f"addresses {number}"))
        registry.wire.ask("POST", f"{API}/remove", json.dumps({"images": [f"{REPOSITORY}:gone"]}).encode()).expect(201)
        registry.wire.push("addresses/purged", "v1", make_content(f"purged {number}"))
        purge = json.dumps({"image": "addresses/purged:v1"}).encode()
        registry.wire.ask("POST", f"{API}/purge", purge, **token(registry)).expect(201)
    return {"id": removed, "name": REPOSITORY}


def token(served: Served) -> dict[str, str]:
    return {"Refloat_Admin_Token": (served.root / "refloat" / "admin.token").read_text().strip()}


def path_of(address: Address, seeded: Mapping[str, str]) -> str:
    return API + re.sub(r"{(\w+)[^}]*}", lambda match: seeded[match[1]], address.path)


def headers_of(served: Served, address: Address) -> dict[str, str]:
    return token(served) if address.needs == "admin" else {}


def code(answer: Answer) -> object:
    errors = answer.document()["errors"]
    assert isinstance(errors, list)
    return errors[0]["code"]


@every_address
def test_a_page_of_another_origin_is_refused(registry: Served, seeded: Mapping[str, str], address: Address) -> None:
    """Whatever it asks for, and before it is even read: a browser sends it with its user's credentials."""
    body = b"not json" if address.method == "POST" else None
    for origin in ("https://evil.example.com", "null"):
        answer = registry.wire.ask(address.method, path_of(address, seeded), body, Origin=origin).expect(403)
        assert code(answer) == "DENIED"
        assert "access-control-allow-origin" not in answer.headers


@every_address
def test_more_parameters_than_anybody_reads_are_refused(
    registry: Served, seeded: Mapping[str, str], address: Address
) -> None:
    path, body = path_of(address, seeded), b"{}" if address.method == "POST" else None
    asked = registry.wire.ask(address.method, f"{path}?{'n=1&' * 100}n=1", body, **headers_of(registry, address))
    assert (asked.status, code(asked)) == (400, "REQUEST_INVALID")
    assert b"at most 100 parameters" in asked.body


@every_address
def test_what_is_not_declared_is_refused(registry: Served, seeded: Mapping[str, str], address: Address) -> None:
    path, body = path_of(address, seeded), b"{}" if address.method == "POST" else None
    headers = headers_of(registry, address)
    asked = registry.wire.ask(address.method, f"{path}?unheard=1", body, **headers)
    assert (asked.status, code(asked)) == (400, "REQUEST_INVALID")
    if address.method == "POST":
        sent = registry.wire.ask("POST", path, b'{"unheard": 1}', **headers)
        assert (sent.status, code(sent)) == (400, "REQUEST_INVALID")


@every_address
def test_any_other_method_is_refused(registry: Served, seeded: Mapping[str, str], address: Address) -> None:
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - {address.method}:
        answer = registry.wire.ask(method, path_of(address, seeded))
        assert (answer.status, code(answer)) == (405, "UNSUPPORTED")
        assert address.method in answer.headers["allow"]


@every_address
def test_only_who_has_the_token_is_let_in_where_it_is_asked_for(
    registry: Served, seeded: Mapping[str, str], address: Address
) -> None:
    if address.needs == "admin":
        answer = registry.wire.ask(address.method, path_of(address, seeded), b"not json", Refloat_Admin_Token="wrong")
        assert (answer.status, code(answer)) == (403, "DENIED")


LISTS = [
    address
    for address in ADDRESSES
    if issubclass(address.asked, Page) and "next" in getattr(address.answered, "__struct_fields__", ())
]


@pytest.mark.parametrize("address", LISTS, ids=lambda address: address.path)
@pytest.mark.parametrize("n", [1, 2])
def test_pages_of_every_list_meet(registry: Served, seeded: Mapping[str, str], address: Address, n: int) -> None:
    """Page by page is what one page says: without gap or overlap, whichever way the list goes."""
    path, mine = path_of(address, seeded), f"repository={REPOSITORY}&" if "repository" in parameters_of(address) else ""
    headers = headers_of(registry, address)
    document = registry.wire.ask("GET", f"{path}?{mine}n=1000", None, **headers).expect(200).document()
    title, whole = next((name, value) for name, value in document.items() if isinstance(value, list))
    assert len(whole) > n
    for cursor in {"before", "after", "last"} & parameters_of(address):
        seen, following = [], "n=" + str(n) + ("&after=" if (address.path, cursor) == ("/changes", "after") else "")
        while following:
            page = registry.wire.ask("GET", f"{path}?{mine}{following}", None, **headers).expect(200).document()
            entries = page[title]
            assert isinstance(entries, list)
            assert len(entries) <= n
            seen += entries
            following = f"n={n}&{cursor}={page['next']}" if page["next"] is not None else ""
        assert seen == (whole[::-1] if (address.path, cursor) == ("/changes", "after") else whole)


def parameters_of(address: Address) -> set[str]:
    return set(parameters(address.asked)) if issubclass(address.asked, Query) else set()


@every_address
def test_each_is_described_with_its_parameters(address: Address) -> None:
    words = {"ID": "{id}", "NAME": "{name:path}"}
    described = {
        (method, "/" + "/".join(words.get(part, part) for part in path.split("/"))): re.findall(r"(\w+)=", query)
        for method, path, query in HEADING.findall(DOCUMENT)
    }
    assert (address.method, address.path) in described
    assert set(described[address.method, address.path]) == parameters_of(address)


@every_address
def test_each_field_and_schema_is_described(address: Address) -> None:
    tag = getattr(address.answered, "__struct_config__", None)
    assert tag is None or f"`{tag.tag}`" in DOCUMENT or f'"{tag.tag}"' in DOCUMENT
    if address.method == "POST":
        fields = {field.encode_name for field in msgspec.structs.fields(address.asked)}
        assert {field for field in fields if f"`{field}`" not in DOCUMENT and f'"{field}"' not in DOCUMENT} == set()


def test_every_code_is_described_with_its_status() -> None:
    """Codes are stable: programs decide by them."""
    rows = re.findall(r"^\| ((?:`[A-Z_]+`(?:, )?)+) \| ([\d, ]+) \|", DOCUMENT, re.MULTILINE)
    told = {
        each: {int(status) for status in statuses.split(",")}
        for codes, statuses in rows
        for each in re.findall(r"[A-Z_]+", codes)
    }
    raised: dict[str, set[int]] = {}
    for address in ADDRESSES:
        for condition in address.conditions:
            raised.setdefault(code_of(condition), set()).add(WIRE[condition])
    raised["UNSUPPORTED"].add(404)  # of an address that is not there
    assert raised == told


def test_the_document_in_the_repository_is_the_table() -> None:
    assert PLACE.read_text(encoding="utf-8") == written(), "make openapi writes it"


def test_the_document_is_served(registry: Served) -> None:
    answer = registry.wire.ask("GET", f"{API}/openapi.json").expect(200)
    assert answer.document() == json.loads(json.dumps(openapi()))
    assert answer.headers["content-type"] == "application/json"
