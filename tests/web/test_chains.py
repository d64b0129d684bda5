"""Chains that anybody may push, longer than Python calls into itself: every verb takes them, and brings them back."""

import json
from collections.abc import Callable, Iterator

import pytest

from tests.abuse.chains import API, NAME, SHORTEST, nest, push, referrers
from tools.content import MANIFEST, Part
from tools.serving import Served

LENGTH = SHORTEST


class Chain:
    """A chain in a repository of a server, with a tag on what takes all of it along."""

    def __init__(self, served: Served, parts: list[Part], top: Part) -> None:
        self.served, self.parts, self.top = served, parts, top
        self.name = NAME

    def push(self) -> None:
        push(self.served.wire, self.parts, self.top)

    def there(self) -> list[bool]:
        """Are the tag, both ends and the middle there?"""
        references = ["top", self.parts[0].digest, self.parts[LENGTH // 2].digest, self.parts[-1].digest]
        return [self.served.wire.manifest(self.name, each).status == 200 for each in references]

    def ask(self, what: str, **body: object) -> dict[str, object]:
        token = (self.served.root / "refloat" / "admin.token").read_text().strip()
        path = f"{API}/{what}"
        answer = self.served.wire.ask("POST", path, json.dumps(body).encode(), Refloat_Admin_Token=token)
        return answer.expect(200, 201).document()

    def undo(self, change: object) -> None:
        moved = self.ask(f"changes/{change}/undo")["moves_total"]
        assert moved == LENGTH + 1
        assert self.there() == [True] * 4


@pytest.fixture(scope="module", params=[referrers, nest])
def chain(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Chain]:
    """A chain that each test leaves as it found it."""
    build: Callable[[int], Iterator[Part]] = request.param
    parts, place = list(build(LENGTH)), tmp_path_factory.mktemp("chain")
    with Served(place / "root", place / "serve.log") as served:
        chain = Chain(served, parts, parts[0] if build is referrers else parts[-1])
        chain.push()
        yield chain


def test_people_are_shown_a_chain(chain: Chain) -> None:
    wire, base = chain.served.wire, f"{API}/repositories/{chain.name}"
    far = chain.parts[LENGTH // 2].digest
    for path in (
        f"{base}/images", f"{base}/images?which=untagged", f"{base}/image?reference=top", f"{base}/usage",
        f"{base}/comparison?old=top&new={far}", f"{API}/usage", f"{base}/history?reference=top",
    ):  # fmt: skip
        assert wire.ask("GET", path).status == 200, path


@pytest.mark.parametrize(
    "asked", [{"images": ["team/chain:top"]}, {"images": ["team/*:t*"]}, {"repositories": ["team/*"]}]
)
def test_a_removal_takes_all_of_a_chain_and_its_undo_brings_it_back(chain: Chain, asked: dict[str, object]) -> None:
    assert chain.ask("remove", **asked, dry_run=True)["moves_total"] == LENGTH + 1
    done = chain.ask("remove", **asked)
    assert done["moves_total"] == LENGTH + 1
    assert chain.there() == [False] * 4
    assert chain.served.wire.ask("GET", f"{API}/trash").expect(200).document()["changes"]
    chain.undo(done["change"])


def test_a_delete_of_its_beginning_takes_all_that_refers_to_it(chain: Chain) -> None:
    deleted = chain.served.wire.delete(chain.name, chain.top.digest).expect(202)
    if chain.top.media_type == MANIFEST:  # the parts of an index stay
        assert chain.there() == [False] * 4
    chain.ask(f"changes/{deleted.headers['refloat-change']}/undo")
    assert chain.there() == [True] * 4


def test_a_push_brings_back_all_that_was_deleted_with_it(chain: Chain) -> None:
    chain.ask("remove", images=["team/chain:top"])
    chain.served.wire.push_manifest(chain.name, "top", chain.top)
    assert chain.there() == [True] * 4


def test_a_purge_would_end_all_of_a_chain(chain: Chain) -> None:
    far = next(part for part in (chain.parts[-1], chain.parts[0]) if part is not chain.top)
    for image, count in ((":top", LENGTH), (f"@{far.digest}", 1 if chain.top.media_type == MANIFEST else LENGTH)):
        parts = chain.ask("purge", image=f"team/chain{image}", dry_run=True)["repositories"]
        assert isinstance(parts, list)
        assert [len(part["manifests"]) for part in parts] == [count]
