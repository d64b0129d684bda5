"""What is measured, in which unit, and the bar each number has to clear."""

from dataclasses import dataclass
from enum import Enum


class Bar(Enum):
    """How a bar is read."""

    TIMES_BETTER = "times docker-registry's"
    SHARE_AT_MOST = "of docker-registry's at most"
    AT_MOST = "at most"
    NONE = "no bar"


@dataclass(frozen=True)
class Row:
    """One line of the table. `less_is_better` turns the ratio round, so that above 1 is always good for us."""

    key: str
    title: str
    unit: str
    bar: Bar = Bar.NONE
    limit: float = 0.0
    less_is_better: bool = False

    @property
    def bar_text(self) -> str:
        """The bar as the table shows it."""
        if self.bar is Bar.TIMES_BETTER:
            return f">= {self.limit:g}x"
        if self.bar is Bar.SHARE_AT_MOST:
            return f"<= {self.limit:g}x"
        return f"<= {self.limit:g} {self.unit}" if self.bar is Bar.AT_MOST else ""

    def ratio(self, ours: float, theirs: float) -> float:
        """Return how we compare in one round: times better, or our share where the bar is a share."""
        if self.bar is Bar.SHARE_AT_MOST:
            return ours / theirs
        return theirs / ours if self.less_is_better else ours / theirs

    def met(self, ours: float, ratio: float | None) -> bool | None:
        """Is the bar met? None: there is no bar, or nothing to compare with."""
        if self.bar is Bar.AT_MOST:
            return ours <= self.limit
        if self.bar is Bar.NONE or ratio is None:
            return None
        return ratio >= self.limit if self.bar is Bar.TIMES_BETTER else ratio <= self.limit


def _faster(key: str, title: str, unit: str, limit: float) -> Row:
    return Row(key, title, unit, Bar.TIMES_BETTER, limit)


READING = (
    _faster("manifest-tag", "manifest GET by tag, 16 connections", "requests/s", 8),
    _faster("manifest-digest", "manifest GET by digest, 16 connections", "requests/s", 8),
    _faster("blob-head", "blob HEAD, 16 connections", "requests/s", 6),
    _faster("blob-100mb", "blob GET, 100 MB", "GB/s", 1.4),
    _faster("blob-1gb", "blob GET, 1 GB", "GB/s", 1.0),
    _faster("range", "Range of 8 MB of 1 GB", "GB/s", 1.6),
    _faster("tags", "tags/list of 10,000 tags", "requests/s", 1),
)
WRITING = (
    _faster("put-1", "PUT 100 MB, one at a time, durable", "GB/s", 1.8),
    _faster("put-16", "PUT 100 MB, sixteen at a time, durable", "GB/s", 1.5),
    Row("memory", "memory during 16 uploads of 100 MB, all processes", "MB", Bar.AT_MOST, 150, less_is_better=True),
    Row("p99", "p99 of manifest GET during 4 uploads, 16 connections", "ms", Bar.SHARE_AT_MOST, 0.25, True),
    Row("p99-one", "the same, one connection", "ms", less_is_better=True),
    Row("p99-uploads", "what the 4 uploads got meanwhile", "GB/s"),
    _faster("push-1", "push of an image of 10 layers of 4 KiB, durable, one at a time", "images/s", 3.5),
    _faster("push-8", "the same, eight at a time", "images/s", 5),
)
SCALE = (
    _faster("catalog", "catalog page of 100 at repository 5,000 of 10,000", "requests/s", 20),
    Row("gc", "garbage collection of 1 % of 10,000 images", "s", Bar.TIMES_BETTER, 20, True),
    Row("gc-pull", "slowest pull during that collection", "ms", less_is_better=True),
)
STARTING = (
    Row("start", "start to first answer, existing directory", "s", Bar.AT_MOST, 0.5, less_is_better=True),
    Row("start-fresh", "the same, fresh directory", "s", less_is_better=True),
)
COMMANDS = (
    Row("help", "`refloat --help`", "ms", Bar.AT_MOST, 100, less_is_better=True),
    Row("version", "`refloat --version`", "ms", Bar.AT_MOST, 100, less_is_better=True),
    Row("command-ls", "`refloat ls` of a local server", "ms", Bar.AT_MOST, 250, less_is_better=True),
    Row("command-rm", "`refloat rm` of an image there", "ms", Bar.AT_MOST, 250, less_is_better=True),
    Row("command-undo", "`refloat undo` of that", "ms", Bar.AT_MOST, 250, less_is_better=True),
)
SALVAGE = (
    Row("salvage", "`refloat salvage` of a registry:2 of a million blobs", "s", Bar.AT_MOST, 600, less_is_better=True),
    Row("salvage-cpu", "what it worked of that", "s", less_is_better=True),
    Row("salvage-memory", "its memory, resident", "MiB", Bar.AT_MOST, 150, less_is_better=True),
    Row("salvage-read", "what it reads, its own notes included", "MB", less_is_better=True),
    Row("salvage-layers", "layers it reads", "layers", Bar.AT_MOST, 0, less_is_better=True),
)
ROWS = READING + WRITING + SCALE + STARTING + COMMANDS + SALVAGE
