"""With clients off the shelf: who keeps a manifest's file as an artifact breaks no mirrored image."""

from pathlib import Path

import pytest

from tests.clients.drivers import TAG, Skopeo, source
from tests.programs import ProgramError, needed, run
from tools.content import index_parts, make_content
from tools.serving import Served


def test_a_kept_manifest_file_takes_no_platform_out_of_a_live_tag(registry: Served, tmp_path: Path) -> None:
    """oras keeps the file, skopeo mirrors the index alone and then the rest; then the untagged are removed."""
    content, repository = make_content("a kept manifest"), "clients/kept"
    place, amd64, oras = f"{registry.address}/{repository}", content.amd64, needed("oras")
    skopeo = Skopeo(needed("skopeo"), tmp_path)
    (tmp_path / "manifest.json").write_bytes(amd64.body)
    run(oras, "push", "--plain-http", f"{place}:backup", "manifest.json:application/json", cwd=tmp_path)
    layout = f"oci:{source(tmp_path, 'index', content)}:{TAG}"
    copy = (skopeo.program, "--insecure-policy", "copy", "--quiet", "--preserve-digests", "--dest-tls-verify=false")
    run(*copy, "--multi-arch", "index-only", layout, f"docker://{place}:multi")
    run(*copy, "--all", layout, f"docker://{place}:multi")

    assert registry.refloat("ls", repository, "--untagged").stdout == ""
    registry.refloat("rm", "--untagged", repository)
    with pytest.raises(ProgramError, match=r"[Dd]enied|part of"):
        run(skopeo.program, "delete", "--tls-verify=false", f"docker://{place}@{amd64.digest}")

    pulled = skopeo.pull("index", f"{place}:multi")
    assert pulled.bodies.items() >= {part.digest: part.body for part in index_parts(content)}.items()
    run(oras, "pull", "--plain-http", f"{place}:backup", "--output", tmp_path / "back")
    assert (tmp_path / "back" / "manifest.json").read_bytes() == amd64.body

