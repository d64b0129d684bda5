"""Lines of the log in each form."""

import json
import logging
import sys

import pytest

from refloat.main.logs import FORMATTERS


def record(message: str, **fields: object) -> logging.LogRecord:
    made = logging.getLogger("refloat.test").makeRecord(
        "refloat.test", logging.WARNING, __file__, 1, message, (), None, extra=fields
    )
    made.created = 1_700_000_000.5
    return made


def test_text_is_a_line_of_words() -> None:
    line = FORMATTERS["text"]({"service": "registry"}).format(record("a tag moved", tag="v1", empty=""))
    assert line == (
        'time=2023-11-14T22:13:20.500Z level=warning msg="a tag moved" service=registry tag=v1 empty=""'
    )


@pytest.mark.parametrize("text", ['say "no"', "two\nlines", "\x1b[31mred", "a=b"])
def test_no_value_can_break_out_of_its_line(text: str) -> None:
    line = FORMATTERS["text"]({}).format(record(text))
    assert "\n" not in line
    assert "\x1b" not in line
    assert json.loads(line.partition("msg=")[2]) == text


def test_json_is_one_document_a_line() -> None:
    line = FORMATTERS["json"]({"service": "registry"}).format(record("a tag moved", n=3))
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.500Z", "level": "warning", "msg": "a tag moved", "service": "registry", "n": 3,
    }  # fmt: skip


def test_logstash_has_its_own_names() -> None:
    line = FORMATTERS["logstash"]({}).format(record("a tag moved"))
    assert json.loads(line) == {
        "@timestamp": "2023-11-14T22:13:20.500Z", "@version": "1", "level": "warning", "message": "a tag moved",
    }  # fmt: skip


def test_an_exception_stays_within_its_line() -> None:
    made = record("it failed")
    try:
        raise KeyError("x")
    except KeyError:
        made.exc_info = sys.exc_info()
    line = FORMATTERS["text"]({}).format(made)
    assert "KeyError" in line
    assert "\n" not in line
