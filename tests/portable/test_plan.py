"""What a delete takes, decided from what was seen: a table of pictures, without a registry."""

from dataclasses import dataclass, field

import pytest

from refloat.client.manifests import Held, Pointer
from refloat.client.origin import Origin
from refloat.client.registry import Registry
from refloat.core.manifest import Need
from refloat.core.media import OCI_INDEX, OCI_MANIFEST
from refloat.core.names import Digest, RepositoryName, Tag
from refloat.portable.looking import Image, Repository
from refloat.portable.plan import Plan, decide
from refloat.portable.refusals import Needed


def digest(name: str) -> Digest:
    return Digest.of(name.encode())


@dataclass
class Picture:
    """A repository in short: what each manifest names, what it refers to, what its tags are."""

    needs: dict[str, tuple[str, ...]]
    tags: dict[str, str] = field(default_factory=dict)
    subjects: dict[str, str] = field(default_factory=dict)
    indexed: dict[str, str] = field(default_factory=dict)

    def plan(self, root: str, *named: str) -> Plan:
        """Decide about an image by these tags of it, or by its digest."""
        image = Image(digest(root))
        for name, children in self.needs.items():
            image.parts[digest(name)] = Held(digest(name), OCI_INDEX if children else OCI_MANIFEST, name.encode())
            image.needs[digest(name)] = tuple(Need(digest(child), "child", required=False) for child in children)
        image.subjects = {digest(name): {digest(subject)} for name, subject in self.subjects.items()}
        image.indexed = {digest(name): {Tag(tag)} for name, tag in self.indexed.items()}
        nowhere = Registry(Origin("http", "127.0.0.1", 1))
        pointers = {Tag(tag): Pointer(digest(name), OCI_MANIFEST, 1) for tag, name in self.tags.items()}
        return decide(Repository(nowhere, RepositoryName("a"), pointers), image, [Tag(tag) for tag in named])


def names(plan: Plan, picture: Picture) -> set[str]:
    return {name for name in picture.needs if digest(name) in plan.takes}


SIGNED = {"index": ("amd", "arm"), "amd": (), "arm": (), "sig": (), "list": ("sbom",), "sbom": ()}
SIG, LIST = digest("index").fallback_tags[1], digest("index").fallback_tags[0]
ATTACHED: dict[str, str] = {SIG: "sig", LIST: "list"}


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        pytest.param(Picture({"i": ()}, {"v1": "i"}), {"i"}, id="an image"),
        pytest.param(Picture({"i": ("a", "b"), "a": (), "b": ()}, {"v1": "i"}), {"i", "a", "b"}, id="with its parts"),
        pytest.param(
            Picture({"i": ("a", "b"), "a": (), "b": ()}, {"v1": "i", "b": "b"}), {"i", "a"}, id="a tagged part stays"
        ),
        pytest.param(
            Picture({"i": ("a",), "a": ()}, {"v1": "i"}, indexed={"a": "v2"}), {"i"}, id="a part of another index stays"
        ),
        pytest.param(
            Picture({"i": ("n",), "n": ("a",), "a": ()}, {"v1": "i", "n": "n"}), {"i"}, id="what a part that stays has"
        ),
        pytest.param(Picture({"i": ("n", "a"), "n": ("a",), "a": ()}, {"v1": "i"}), {"i", "n", "a"}, id="nested"),
        pytest.param(Picture({"i": (), "s": ()}, {"v1": "i"}, {"s": "i"}), {"i", "s"}, id="a referrer follows"),
        pytest.param(
            Picture({"i": (), "s": (), "t": ()}, {"v1": "i"}, {"s": "i", "t": "s"}), {"i", "s", "t"}, id="and its own"
        ),
        pytest.param(
            Picture({"i": (), "s": ()}, {"v1": "i", "chart": "s"}, {"s": "i"}), {"i"}, id="a referrer with a tag stays"
        ),
        pytest.param(
            Picture({"i": ("a",), "a": (), "s": ()}, {"v1": "i"}, {"s": "a"}), {"i", "a", "s"}, id="of a part"
        ),
        pytest.param(
            Picture({"i": ("a",), "a": (), "s": ()}, {"v1": "i", "x": "a"}, {"s": "a"}), {"i"}, id="of one that stays"
        ),
    ],
)
def test_with_its_last_tag_goes_what_only_the_image_has(picture: Picture, expected: set[str]) -> None:
    """Parts, and what refers to them; never what has another tag, or another index."""
    assert names(picture.plan("i", "v1"), picture) == expected


def test_signatures_by_tag_follow_with_what_they_list() -> None:
    """Fallback tags are names of what refers to the image, so they hold nothing back."""
    picture = Picture(SIGNED, {"v1": "index", **ATTACHED}, {"sig": "index", "list": "index"})
    plan = picture.plan("index", "v1")
    assert names(plan, picture) == SIGNED.keys()
    assert {tag for tags in plan.tags.values() for tag in tags} == {"v1", SIG, LIST}


def test_what_is_needed_is_put_before_and_deleted_after_what_needs_it() -> None:
    """At no moment of a delete or a restore an index stands whose part is missing."""
    picture = Picture(SIGNED, {"v1": "index", **ATTACHED}, {"sig": "index", "list": "index"})
    order = picture.plan("index", "v1").order
    place = {each: order.index(digest(each)) for each in SIGNED}
    assert all(place[child] < place[name] for name, children in SIGNED.items() for child in children)
    assert order[-1] == digest("index")


def test_another_tag_keeps_the_image() -> None:
    """Only the named tag goes, and the plan says which others stay."""
    picture = Picture({"i": ("a",), "a": ()}, {"v1": "i", "latest": "i"})
    plan = picture.plan("i", "v1")
    assert (plan.extent, plan.takes, plan.others) == ("tag", frozenset(), ("latest",))
    assert plan.tags == {digest("i"): ("v1",)}


@pytest.mark.parametrize("named", [(), ("v1", "latest")])
def test_its_digest_or_all_its_tags_take_the_image_whole(named: tuple[str, ...]) -> None:
    """Every tag on it is in the plan, so every tag comes back."""
    picture = Picture({"i": ()}, {"v1": "i", "latest": "i"})
    plan = picture.plan("i", *named)
    assert (plan.extent, plan.takes) == ("image", frozenset({digest("i")}))
    assert plan.tags == {digest("i"): ("latest", "v1")}


def test_a_part_of_an_index_that_stays_is_not_taken() -> None:
    """The index would be broken."""
    with pytest.raises(Needed) as refused:
        Picture({"a": ()}, {"arm": "a"}, indexed={"a": "v1"}).plan("a", "arm")
    assert refused.value.facts == ("a:v1",)
