"""One JSON document that is written entry by entry is the document it would be if it were written at once."""

from datetime import UTC, datetime

import pytest

from refloat.cli.printing import Entry, Printer

NOW = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.mark.parametrize("first", [0, 1, 3])
@pytest.mark.parametrize("second", [0, 2])
def test_a_long_document_is_the_same_document(first: int, second: int, capsys: pytest.CaptureFixture[str]) -> None:
    printer = Printer("json", "never", NOW)
    images: list[Entry] = [{"name": f"line\n{number}", "tags": ["a", "b"], "none": None} for number in range(first)]
    gone: list[Entry] = [{"number": number} for number in range(second)]
    printer.document("salvage", images=images, gone=gone)
    at_once = capsys.readouterr().out
    printer.long_document("salvage", images=iter(images), gone=iter(gone))
    assert capsys.readouterr().out == at_once
