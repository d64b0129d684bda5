"""The OCI's own judge passes refloat whole, by the released specification and by its next version."""

from pathlib import Path

import pytest

from tests.conftest import Serve
from tests.programs import needed
from tools.conformance import judge

WITHOUT_PAUSE = {
    "REGISTRY_REFLOAT_COLLECT_INTERVAL": "100ms", "REGISTRY_REFLOAT_WINDOW": "100ms",
    "REGISTRY_REFLOAT_GRAVEYARD": "100ms",
}  # fmt: skip
"""The collector takes what is deleted while the suite goes on."""


@pytest.mark.parametrize("settings", [{}, WITHOUT_PAUSE], ids=["as shipped", "collecting every 100 ms"])
@pytest.mark.parametrize(("version", "at_least"), [("1.1", 854), ("dev", 980)])
def test_conformance_suite_passes_whole(
    version: str, at_least: int, settings: dict[str, str], serve: Serve, tmp_path: Path
) -> None:
    verdict = judge(needed("conformance"), serve(**settings).address, version, tmp_path / "results")
    assert verdict.failures == 0, verdict.remarks
    assert verdict.skips <= 2, verdict.remarks
    assert verdict.passes >= at_least, verdict.remarks
