"""The OCI's own judge passes refloat whole, by the released specification and by its next version."""

from pathlib import Path

import pytest

from tests.conftest import Serve
from tests.programs import needed
from tools.conformance import judge


@pytest.mark.parametrize(("version", "at_least"), [("1.1", 854), ("dev", 980)])
def test_conformance_suite_passes_whole(version: str, at_least: int, serve: Serve, tmp_path: Path) -> None:
    verdict = judge(needed("conformance"), serve().address, version, tmp_path / "results")
    assert verdict.failures == 0, verdict.remarks
    assert verdict.skips <= 2, verdict.remarks
    assert verdict.passes >= at_least, verdict.remarks
