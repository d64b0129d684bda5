"""A registry that lists what refers to an image: that goes along and comes back without any tag on it."""

import json

from tests.cli.conftest import Shell
from tests.clients.closure import read_inventory
from tests.portable.peers import Plain
from tests.portable.small import make_small


def test_what_refers_to_an_image_comes_back_with_it(plain: Plain, person: Shell) -> None:
    small, repository = make_small("referrers"), "referrers/image"
    small.push(plain.wire, repository, "v1")
    plain.wire.delete(repository, small.fallback.digest).expect(202)
    before = read_inventory(plain.wire, repository)
    assert before.attached.keys() == {small.signature.digest}
    named = f"{plain.address}/{repository}:v1"

    done = person("rm", named)
    assert done.code == 0, done.err
    for part in (small.index, small.child, small.signature):
        assert plain.wire.manifest(repository, part.digest).status == 404
    plain.collect()
    done = person("restore", named)
    assert done.code == 0, done.err
    assert read_inventory(plain.wire, repository) == before


def test_what_refers_to_another_image_stays(plain: Plain, person: Shell) -> None:
    gone, stays, repository = make_small("refers to gone"), make_small("refers to stays"), "referrers/other"
    gone.push(plain.wire, repository, "v1")
    stays.push(plain.wire, repository, "v2")
    done = person("rm", f"{plain.address}/{repository}:v1")
    assert done.code == 0, done.err
    listed = plain.wire.ask("GET", f"/v2/{repository}/referrers/{stays.index.digest}").expect(200)
    assert [entry["digest"] for entry in json.loads(listed.body)["manifests"]] == [stays.signature.digest]
    assert plain.wire.manifest(repository, stays.signature.digest).status == 200
