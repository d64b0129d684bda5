"""Whatever was acknowledged is there after a death at any moment, and nothing needs repair."""

import json
import subprocess
import sys
from pathlib import Path

from tools.provision import HOME


def test_a_death_before_any_durable_operation_loses_nothing_acknowledged(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash.scenario", str(tmp_path)],
        cwd=HOME, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    verdict = json.loads(done.stdout)
    assert verdict["wrong"] == {}
    assert verdict["deaths"] > 100
    assert [line.split()[0] for line in verdict["told"] if not line.startswith("blob")] == [
        "pushed", "pushed", "deleting", "deleted", "undone", "deleting", "deleted", "pushed",
    ]  # fmt: skip
