"""What is in the trash of a registry that stays: listed, shown, let go of when its time is over, or purged."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.cli.conftest import Done, Shell
from tests.portable.peers import Peer, push_image, push_index
from tests.portable.reading import TRASH, kept_in, read_tags, tags_of
from tools.content import Content, digest_of, make_content

NOT_CONFIRMED, NOT_FOUND = 5, 6


def document(done: Done) -> dict[str, Any]:
    """Return what a verb printed as JSON."""
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def entries(person: Shell, peer: Peer, repository: str) -> list[dict[str, Any]]:
    """Return what is in the trash of one repository."""
    found: list[dict[str, Any]] = document(
        person("trash", "--host", peer.address, "--repo", repository, "--json")
    )["entries"]
    return found


def rm(person: Shell, peer: Peer, repository: str, *options: str) -> Content:
    """Push an index under v1 and latest, and delete it."""
    content = make_content(repository)
    push_index(peer.wire, repository, content, "v1", "latest")
    done = person("rm", f"{peer.address}/{repository}@{content.index.digest}", *options)
    assert done.code == 0, done.err
    return content


def test_the_trash_lists_who_took_what_why_and_until_when(stock: Peer, person: Shell) -> None:
    repository = "trash/listed"
    content = rm(person, stock, repository, "--reason", "too old", "--keep", "7d")
    [entry] = entries(person, stock, repository)
    assert (entry["repository"], entry["image"], entry["state"]) == (repository, content.index.digest, "deleted")
    assert entry["tags"] == dict.fromkeys(("latest", "v1"), content.index.digest)
    assert entry["reason"] == "too old"
    kept = datetime.fromisoformat(entry["until"]) - datetime.fromisoformat(entry["at"])
    assert kept == timedelta(days=7)
    assert datetime.now(UTC) - datetime.fromisoformat(entry["at"]) < timedelta(hours=1)
    lines = person("trash", "--host", stock.address).out
    assert entry["id"] in lines
    assert f"{repository}:v1" in lines


def test_an_entry_is_shown_with_all_that_it_keeps(stock: Peer, person: Shell) -> None:
    repository = "trash/shown"
    content = rm(person, stock, repository)
    [entry] = entries(person, stock, repository)
    done = person("trash", "show", entry["id"], "--host", stock.address)
    assert done.code == 0, done.err
    for part in (*content.manifests, content.index):
        assert part.digest in done.out
    assert {"v1", "latest"} <= set(done.out.split())
    assert person("trash", "show", "zzzzzzzzzz", "--host", stock.address).code == NOT_FOUND


def test_an_id_brings_its_image_back(stock: Peer, person: Shell) -> None:
    repository = "trash/by-id"
    rm(person, stock, repository)
    [entry] = entries(person, stock, repository)
    done = person("restore", entry["id"], "--host", stock.address)
    assert done.code == 0, done.err
    assert tags_of(stock.wire, repository) == ["latest", "v1"]
    assert entries(person, stock, repository)[0]["state"] == "restored"


def test_only_what_is_due_expires(stock: Peer, person: Shell) -> None:
    """And then its bytes leave with the next collection, while those of the others stay."""
    due, kept = rm(person, stock, "trash/due", "--keep", "0h"), rm(person, stock, "trash/kept", "--keep", "30d")
    host = ("--host", stock.address)
    plan = document(person("trash", "expire", "-n", "--json", *host))
    mine = [entry["repository"] for entry in plan["expired"] if entry["repository"].startswith("trash/")]
    assert mine == ["trash/due"]
    assert len(kept_in(stock.wire, "trash/due")) == 2  # begun and done: -n lets go of nothing

    done = person("trash", "expire", *host)
    assert done.code == 0, done.err
    assert kept_in(stock.wire, "trash/due") == []
    stock.collect("--delete-untagged")
    files = stock.files()
    assert not own_digests(due) & files.keys()
    assert own_digests(kept) <= files.keys()
    assert person("restore", f"{stock.address}/trash/due:v1").code == NOT_FOUND
    assert person("restore", f"{stock.address}/trash/kept:v1").code == 0


def own_digests(content: Content) -> set[str]:
    """Return what no other content has: manifests too, but not the signature, which was not pushed."""
    blobs = {part.digest for part in content.own_blobs if part.media_type != "text/plain"}
    return blobs | {part.digest for part in (*content.manifests, content.index)}


@pytest.mark.parametrize("state", ["live", "deleted"])
def test_purge_ends_an_image_for_good(stock: Peer, person: Shell, state: str) -> None:
    repository = f"trash/purged-{state}"
    content = rm(person, stock, repository)
    named = f"{stock.address}/{repository}@{content.index.digest}"
    if state == "live":
        assert person("restore", named).code == 0
    assert person("purge", named).code == NOT_CONFIRMED
    assert kept_in(stock.wire, repository)
    done = person("purge", named, "--yes")
    assert done.code == 0, done.err
    assert tags_of(stock.wire, repository) == kept_in(stock.wire, repository) == []
    stock.collect("--delete-untagged")
    assert not own_digests(content) & stock.files().keys()
    assert person("restore", named).code == NOT_FOUND


def test_what_a_trash_keeps_is_one_ordinary_artifact(stock: Peer, person: Shell) -> None:
    """Any client can see what it is, and any registry holds it: a tagged image manifest."""
    repository = "trash/artifact"
    content = rm(person, stock, repository)
    [entry] = entries(person, stock, repository)
    answer = stock.wire.manifest(f"{TRASH}/{repository}", entry["id"]).expect(200)
    artifact = answer.document()
    assert answer.headers["content-type"] == "application/vnd.oci.image.manifest.v1+json"
    assert artifact["artifactType"] == "application/vnd.refloat.trash.v1+json"
    layers = artifact["layers"]
    assert isinstance(layers, list)
    kept = {layer["digest"] for layer in layers}
    assert kept == {part.digest for part in (*content.manifests, content.index)} | {
        part.digest for part in content.blobs if part.digest in "".join(m.body.decode() for m in content.manifests)
    }
    for digest in kept:
        assert digest_of(stock.wire.blob(f"{TRASH}/{repository}", digest).expect(200).body) == digest


def test_another_name_for_the_trash(stock: Peer, person: Shell) -> None:
    repository = "trash/elsewhere"
    person.environment["REFLOAT_TRASH"] = "bin/of-ours"
    push_image(stock.wire, repository, make_content(repository), "v1")
    before, named = read_tags(stock.wire, repository), f"{stock.address}/{repository}:v1"
    assert person("rm", named).code == 0
    assert kept_in(stock.wire, repository) == []
    assert tags_of(stock.wire, f"bin/of-ours/{repository}")
    stock.collect("--delete-untagged")
    assert person("restore", named).code == 0
    assert read_tags(stock.wire, repository) == before


def test_a_repository_that_has_nothing_left_is_listed_as_empty(stock: Peer, person: Shell) -> None:
    """The registry goes on listing both, with tags that are null."""
    repository = "trash/emptied"
    content = rm(person, stock, repository)
    assert person("purge", f"{stock.address}/{repository}@{content.index.digest}", "--yes").code == 0
    for name in (repository, f"{TRASH}/{repository}"):
        assert stock.wire.ask("GET", f"/v2/{name}/tags/list").document()["tags"] is None
    assert entries(person, stock, repository) == []
    done = person("trash", "--host", stock.address)
    assert done.code == 0, done.err
    assert repository not in done.out
