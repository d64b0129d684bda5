"""The log: one line an event on standard error, in the forms distribution writes.

The standard library does it: structlog's import alone costs more than a whole start may take.
"""

import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from refloat.settings import Settings

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}
NAMES = {logging.WARNING: "warning", logging.CRITICAL: "fatal"}
ORDINARY = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "color_message"}


def configure(settings: Settings) -> None:
    """Send every logger to standard error, as the settings say."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(FORMATTERS[settings.log_formatter](settings.log_fields))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(LEVELS[settings.log_level])


def logger(name: str) -> logging.Logger:
    """Return the logger of a part of the server."""
    return logging.getLogger(f"refloat.{name}")


class _Lines(logging.Formatter):
    """What all forms share: time, level, message, fields of the record, fields of the configuration."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__()
        self._fields = fields

    def format(self, record: logging.LogRecord) -> str:
        event = {**self._event(record), **self._fields}
        for name, value in record.__dict__.items():
            if name not in ORDINARY:
                event[name] = value
        if record.exc_info:
            event["error"] = self.formatException(record.exc_info)
        return self._line(event)

    def _event(self, record: logging.LogRecord) -> dict[str, Any]:
        level = NAMES.get(record.levelno, record.levelname.lower())
        return {"time": _instant(record), "level": level, "msg": record.getMessage()}

    def _line(self, event: dict[str, Any]) -> str:
        return " ".join(f"{name}={_quoted(value)}" for name, value in event.items())


class _Json(_Lines):
    def _line(self, event: dict[str, Any]) -> str:
        return msgspec.json.encode(event, enc_hook=str).decode()


class _Logstash(_Json):
    def _event(self, record: logging.LogRecord) -> dict[str, Any]:
        event = super()._event(record)
        return {
            "@timestamp": event["time"], "@version": "1", "level": event["level"], "message": event["msg"],
        }  # fmt: skip


FORMATTERS: dict[str, type[_Lines]] = {"text": _Lines, "json": _Json, "logstash": _Logstash}


def _instant(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _quoted(value: object) -> str:
    text = str(value)
    plain = text and all(letter.isalnum() or letter in "-._/@^+:" for letter in text)
    return text if plain else msgspec.json.encode(text).decode()
