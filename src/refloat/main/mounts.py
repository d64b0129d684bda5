"""On what kind of filesystem does a path lie?"""

import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
NETWORK = re.compile(
    r"nfs\d?|cifs|smb\w*|ncpfs|afs|ceph|glusterfs|lustre|gpfs|beegfs|ocfs2|gfs2|davfs2?"
    r"|fuse\.(?:glusterfs|sshfs|s3fs|rclone|ceph|curlftpfs|davfs2?|smbnetfs|juicefs|goofys|gcsfuse)"
)


def network_filesystem(path: Path, mounts: Path = MOUNTS) -> str | None:
    """Return the type of the network filesystem `path` lies on. None: it is local, or nobody can say."""
    try:
        table = mounts.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None  # not Linux
    kind = filesystem(path.resolve(), table)
    return kind if kind is not None and NETWORK.fullmatch(kind) else None


def filesystem(path: Path, table: str) -> str | None:
    """Return the type of the filesystem that holds `path`, by a table in the form of mountinfo(5)."""
    found, longest = None, -1
    for line in table.splitlines():
        mount, _, about = line.partition(" - ")
        point = Path(_unescaped(mount.split()[4]))
        if path.is_relative_to(point) and len(point.parts) >= longest:  # later mounts hide earlier ones
            found, longest = about.split()[0], len(point.parts)
    return found


def _unescaped(field: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), field)
