"""The same cuts can be tried on a registry that is not refloat."""

from pathlib import Path

from tests.powercuts.peer import STOCK, try_peer
from tests.programs import needed
from tools.bench.servers import kinds


def test_another_registry_is_cut_and_asked(tmp_path: Path) -> None:
    needed(STOCK)
    tally = try_peer(kinds()[STOCK], tmp_path, 7, 3)
    assert tally.cuts == 3
    assert tally.images > 0
    assert tally.lost <= tally.images
