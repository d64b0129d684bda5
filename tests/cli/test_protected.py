"""A protected tag, met by people: through the wire and by the command line."""

from pathlib import Path

from tests.cli.conftest import Shell
from tests.conftest import Serve
from tools.content import Content


def test_a_protected_tag_is_refused_by_name_of_its_pattern(
    tmp_path: Path, serve: Serve, contents: tuple[Content, Content]
) -> None:
    served = serve(REGISTRY_REFLOAT_PROTECT="['team/**:v*']")
    shell, wire = Shell(tmp_path, served.address), served.wire
    for tag in ("v1", "latest", "v1"):  # the same image again is allowed
        wire.push("team/api", tag, contents[0])
    for part in contents[1].blobs:
        wire.push_blob("team/api", part)
    for part in (*contents[1].manifests, contents[1].signature):
        wire.push_manifest("team/api", part.digest, part)
    answers = [
        wire.ask("PUT", "/v2/team/api/manifests/v1", contents[1].index.body, Content_Type=contents[1].index.media_type),
        wire.delete("team/api", "v1"),
        wire.delete("team/api", contents[0].index.digest),
    ]
    assert [answer.status for answer in answers] == [403, 403, 403]
    assert all(b"team/api:v1 is protected by team/**:v*" in answer.body for answer in answers)
    refused = shell("rm", "team/api:latest", "team/api:v1")
    assert (refused.code, refused.out) == (7, "")
    assert refused.err == (
        "error: team/api:v1 is protected by team/**:v* and cannot be moved or deleted\n  nothing was removed\n"
    )
    assert shell("rm", "team/**:*").code == 7
    assert wire.manifest("team/api", "latest").status == 200
    assert shell("rm", "team/api:latest").code == 0  # the image stays, as the protected tag has it
    assert wire.manifest("team/api", "v1").body == contents[0].index.body


def test_a_pattern_that_is_none_stops_the_start(tmp_path: Path, serve: Serve) -> None:
    shell = Shell(tmp_path, "127.0.0.1:1")
    shell.environment["REGISTRY_REFLOAT_PROTECT"] = "['release-*']"
    refused = shell("serve", "--check-config", "--root", str(tmp_path / "root"))
    assert refused.code == 1
    assert "refloat.protect: 'release-*' is not a pattern of images, as team/**:pr-* is" in refused.err
