"""The flow of the article that this registry answers, to the letter, on the article's own configuration."""

import subprocess
import sys

from tests.programs import needed, needed_root
from tools.provision import HOME

ROOM = """
set -eu
ip link set lo up
mount -t tmpfs tmpfs /var/lib
mkdir /var/lib/registry
exec "$0" -m tests.article.flow
"""
"""The configuration binds every interface and /var/lib/registry; here both exist for this test alone."""


def test_articles_flow_works_to_the_letter() -> None:
    needed_root()
    needed("ip")
    needed("curl")
    done = subprocess.run(
        [needed("unshare"), "--net", "--mount", "sh", "-c", ROOM, sys.executable],
        cwd=HOME, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180, check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert done.stdout.count("every byte the same") == 4, done.stdout
