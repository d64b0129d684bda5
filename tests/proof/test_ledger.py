"""What docs/reliability.md claims is what the ledger shows."""

import json
from dataclasses import asdict, replace
from pathlib import Path

from tools.proof.ledger import Entry, entries, is_settled, totals
from tools.proof.page import PAGE, table


def test_the_page_shows_the_ledger_and_nothing_else() -> None:
    assert table() in PAGE.read_text("utf-8")


def test_whatever_was_found_is_settled() -> None:
    written = entries()
    open_findings = [
        entry for place, entry in enumerate(written) if entry.found and not is_settled(entry, written[place + 1 :])
    ]
    assert open_findings == []


def test_a_finding_counts_until_the_same_seed_finds_nothing(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    finding = Entry("part", "things", "abc", "2026-01-01T00:00:00Z", 7, 1.0, 100, 1, 0, 2.0, ("what it was",))
    for again, lost in ((finding, 1), (replace(finding, seed=8, lost=0), 1), (replace(finding, lost=0), 0)):
        with ledger.open("a") as file:
            file.write(json.dumps(asdict(again)) + "\n")
        assert totals(ledger)["part"].lost == lost
    assert totals(ledger)["part"].tried == 300
