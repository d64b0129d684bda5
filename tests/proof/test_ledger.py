"""What docs/reliability.md claims is what the ledger shows."""

import json

from tools.proof.ledger import LEDGER
from tools.proof.page import PAGE, table


def test_the_page_shows_the_ledger_and_nothing_else() -> None:
    assert table() in PAGE.read_text("utf-8")


def test_nothing_that_was_written_down_was_found() -> None:
    entries = [json.loads(line) for line in LEDGER.read_text("utf-8").splitlines()]
    assert [entry for entry in entries if entry["lost"] or entry["leaked"]] == []
