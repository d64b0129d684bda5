"""Which filesystem a path lies on, by the kernel's table."""

from pathlib import Path

import pytest

from refloat.main.mounts import filesystem, network_filesystem

TABLE = """\
27 1 253:0 / / rw,relatime - ext4 /dev/vda rw
40 27 0:50 / /srv rw - nfs4 host:/export rw,vers=4.2
41 40 0:51 / /srv/fast rw shared:1 - xfs /dev/vdb rw
42 27 0:52 / /mnt/two\\040words rw - cifs //host/share rw
43 27 0:53 / /over rw - ext4 /dev/vdc rw
44 27 0:54 / /over rw - fuse.sshfs host:/ rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/registry", "ext4"),
        ("/srv/images", "nfs4"),
        ("/srv/fast/images", "xfs"),
        ("/srvother", "ext4"),
        ("/mnt/two words/images", "cifs"),
        ("/over/images", "fuse.sshfs"),
    ],
)
def test_the_longest_and_latest_mount_holds_a_path(path: str, kind: str) -> None:
    assert filesystem(Path(path), TABLE) == kind


def test_only_network_filesystems_are_named(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(TABLE)
    assert network_filesystem(Path("/srv/images"), table) == "nfs4"
    assert network_filesystem(Path("/srv/fast/images"), table) is None
    assert network_filesystem(tmp_path, tmp_path / "missing") is None


def test_this_machines_temporary_directory_is_local(tmp_path: Path) -> None:
    assert network_filesystem(tmp_path) is None
