"""A manifest of Docker's first schema: signed over a part of itself, its digest is not that of its bytes."""

from pathlib import Path

from tests.cli.conftest import Shell
from tests.clients.drivers import TAG, Skopeo, source
from tests.portable.peers import Peer
from tests.portable.reading import kept_in, tags_of
from tests.programs import run
from tools.content import make_content

SCHEMA1 = {"REGISTRY_COMPATIBILITY_SCHEMA1_ENABLED": "true"}
SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"


def test_what_cannot_be_checked_is_not_deleted(tmp_path: Path, person: Shell, skopeo: Skopeo) -> None:
    """It could be put back on few registries, and never be compared: it stays, and that is said."""
    content, repository = make_content("schema 1"), "old/image"
    place = source(skopeo.directory, "image", content)
    with Peer("docker-registry", tmp_path / "old", SCHEMA1) as old:
        named = f"{old.address}/{repository}:v1"
        run(
            skopeo.program, "--insecure-policy", "copy", "--quiet", "--format=v2s1", "--dest-tls-verify=false",
            f"oci:{place}:{TAG}", f"docker://{named}",
        )  # fmt: skip
        before = old.wire.ask("GET", f"/v2/{repository}/manifests/v1", Accept=SIGNED).expect(200)
        assert before.headers["content-type"] == SIGNED
        done = person("rm", named)
        assert done.code == 8, done
        assert done.err.startswith("error: ")
        after = old.wire.ask("GET", f"/v2/{repository}/manifests/v1", Accept=SIGNED).expect(200)
        assert after.headers["docker-content-digest"] == before.headers["docker-content-digest"]
        assert (tags_of(old.wire, repository), kept_in(old.wire, repository)) == (["v1"], [])
