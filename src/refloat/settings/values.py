"""What loading a configuration gives: settings and notices, or refusals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from refloat.core.patterns import ImagePattern

Formatter = Literal["text", "json", "logstash"]
Level = Literal["debug", "info", "warn", "error"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a running registry is told. Durations are microseconds."""

    address: str  # a host name or address; empty: every interface
    port: int  # 0: any free one
    root: Path
    database: Path
    window: int
    lease: int
    graveyard: int
    uploads_idle: int
    receive_timeout: int  # how long a client may send nothing in the middle of a body
    receive_rate: int  # bytes a second that have to come of a body, taken together over that long; 0: any rate
    send_timeout: int  # how long a client may take nothing of an answer
    collect_interval: int
    history_keep: int
    drain_timeout: int
    workers: int
    reserve: float  # the fraction of the disk that uploads leave free
    timetravel_prefix: str
    delete_enabled: bool
    protect: tuple[ImagePattern, ...]  # tags that nobody moves or deletes
    catalog_max: int
    tags_max: int
    headers: Mapping[str, Sequence[str]]
    relative_urls: bool | None  # None: not said, which means relative
    host: str  # the registry's address as clients see it, a URL; empty: not said
    prefix: str  # the path before /v2/, with a slash at both ends; `/` for none
    log_level: Level
    log_formatter: Formatter
    log_fields: Mapping[str, str]
    access_log: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason not to start: the key, where it came from, what is wrong, what helps."""

    key: str
    origin: str
    sentence: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.origin}: " if self.origin else ""
        return f"{place}{self.key}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Notice:
    """One line at the start about a key that does not do what somebody may expect."""

    key: str
    origin: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.key}: {self.sentence} ({self.origin})"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that may be served."""

    settings: Settings
    notices: tuple[Notice, ...]


class SettingsRefused(Exception):
    """A configuration that must not be served. `refusals` are all the reasons, not only the first."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__("\n".join(str(refusal) for refusal in refusals))
        self.refusals = tuple(refusals)
