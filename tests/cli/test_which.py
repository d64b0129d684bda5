"""`undo --as` of a change that moved several references: which one is said as it is listed."""

import json

from tests.cli.conftest import Shell
from tools.content import Content
from tools.serving import Served

API = "/v2/_refloat/v1"
Pair = tuple[Content, Content]


def tags(served: Served, repository: str) -> list[str]:
    answer = served.wire.ask("GET", f"/v2/{repository}/tags/list")
    found = answer.document()["tags"] if answer.status == 200 else []
    assert isinstance(found, list)
    return sorted(found)


def taken(shell: Shell, served: Served, contents: Pair, *repositories: str) -> str:
    """Push one tag to each repository, another image to each, and take all in one change."""
    for repository, content in zip(repositories, contents, strict=False):
        served.wire.push(repository, "v1", content)
    return shell("rm", *(f"{repository}:v1" for repository in repositories)).change


def test_one_tag_of_two_repositories_comes_back_by_the_name_that_is_listed(
    shell: Shell, registry: Served, contents: Pair
) -> None:
    change = taken(shell, registry, contents, "which/a", "which/b")
    asked = shell("undo", change, "--as", "old")
    assert asked.code == 2
    assert asked.err.splitlines() == [
        f"error: {change} moved several references, and --as brings back one",
        "  which/a:v1",
        "  which/b:v1",
        f"  hint: refloat undo {change} --as old --reference REF",
    ]
    both = shell("undo", change, "--as", "old", "--reference", "v1")
    assert (both.code, both.err.splitlines()[1:3]) == (2, asked.err.splitlines()[1:3])
    done = shell("undo", change, "--as", "old", "--reference", "which/b:v1")
    assert done.code == 0, done
    assert (tags(registry, "which/a"), tags(registry, "which/b")) == ([], ["old"])
    assert registry.wire.manifest("which/b", "old").body == contents[1].index.body
    named = f"{registry.address}/which/a:v1"  # as everywhere, with the server before it
    assert shell("undo", change, "--as", "old", "--reference", named).code == 0
    assert registry.wire.manifest("which/a", "old").body == contents[0].index.body


def test_a_digest_is_listed_with_its_repository_and_taken_so_or_shortened(
    shell: Shell, registry: Served, contents: Pair
) -> None:
    for repository in ("which/c", "which/d"):
        for part in contents[0].blobs:
            registry.wire.push_blob(repository, part)
        registry.wire.push_manifest(repository, contents[0].amd64.digest, contents[0].amd64)
    digest = contents[0].amd64.digest
    change = shell("rm", f"which/c@{digest}", f"which/d@{digest}").change
    asked = shell("undo", change, "--as", "old")
    assert asked.err.splitlines()[1:3] == [f"  which/c@{digest}", f"  which/d@{digest}"]
    assert shell("undo", change, "--as", "old", "--reference", f"which/d@{digest[7:14]}").code == 0
    assert shell("undo", change, "--as", "old", "--reference", f"which/c@{digest}").code == 0
    assert (tags(registry, "which/c"), tags(registry, "which/d")) == (["old"], ["old"])


def test_a_tag_alone_is_enough_where_one_repository_has_it(shell: Shell, registry: Served, contents: Pair) -> None:
    for tag in ("v1", "v2"):
        registry.wire.push("which/e", tag, contents[0])
    registry.wire.push("which/f", "v3", contents[1])
    change = shell("rm", "which/e:v1", "which/e:v2", "which/f:v3").change
    assert shell("undo", change, "--as", "old", "--reference", "v3").code == 0
    assert (tags(registry, "which/e"), tags(registry, "which/f")) == ([], ["old"])
    missed = shell("undo", change, "--as", "old", "--reference", "which/e:v3")
    assert missed.code == 2
    assert missed.err.splitlines() == [
        f"error: change {change} moved nothing that 'which/e:v3' names",
        "  which/e:v1",
        "  which/e:v2",
        "  which/f:v3",
        f"  hint: refloat undo {change} --as old --reference REF",
    ]
    first = json.loads(shell("log", "--repo", "which/f", "--kind", "push", "--json").out)["changes"][-1]["id"]
    nothing = shell("undo", first, "--as", "old")
    assert (nothing.code, nothing.err) == (2, f"error: change {first} moved nothing that had a value before\n")
    assert shell("undo", first, "--as", "old", "--reference", "which/f:v3").code == 2


def test_a_repository_that_is_called_as_an_algorithm_is_one(shell: Shell, registry: Served, contents: Pair) -> None:
    """`sha256:4f1c02d` is a tag of the repository `sha256` here, and no digest's beginning."""
    tag = contents[0].index.digest[7:19]
    for repository in ("sha256", "which/g"):
        registry.wire.push(repository, tag, contents[0])
    change = shell("rm", f"sha256:{tag}", f"which/g:{tag}").change
    assert shell("undo", change, "--as", "old", "--reference", f"sha256:{tag}").code == 0
    assert (tags(registry, "sha256"), tags(registry, "which/g")) == (["old"], [])


def test_a_signature_under_a_tag_of_its_own_is_not_asked_about(
    shell: Shell, registry: Served, contents: Pair
) -> None:
    registry.wire.push("which/h", "v1", contents[0])
    attached = f"{contents[0].index.digest.replace(':', '-')}.sig"
    registry.wire.push("which/h", attached, contents[1])
    change = shell("rm", "which/h:v1").change
    assert shell("undo", change, "--as", "old").code == 0
    assert tags(registry, "which/h") == ["old", attached]


def test_the_api_takes_what_it_lists(shell: Shell, registry: Served, contents: Pair) -> None:
    change = taken(shell, registry, contents, "which/i", "which/j")

    def undo(**body: str) -> tuple[int, dict[str, object]]:
        answer = registry.wire.ask("POST", f"{API}/changes/{change}/undo", json.dumps(body).encode())
        document = answer.document()
        errors = document.get("errors")
        return answer.status, errors[0] if isinstance(errors, list) else document

    status, refused = undo(**{"as": "old"})
    assert (status, refused["code"]) == (400, "REQUEST_INVALID")
    assert refused["detail"] == {"references": ["which/i:v1", "which/j:v1"], "references_total": 2}
    status, done = undo(**{"as": "old", "reference": "which/j:v1"})
    assert (status, done["change"] is not None) == (201, True)
    assert tags(registry, "which/j") == ["old"]
    status, alone = undo(reference="which/i:v1")
    assert (status, alone["message"]) == (400, "reference goes with as: it says what comes back under another name")
    missing = shell("undo", change, "--reference", "which/i:v1")
    assert (missing.code, missing.err) == (
        2, "error: --reference says what comes back under another name: --as TAG\n",
    )  # fmt: skip
    assert tags(registry, "which/i") == []
