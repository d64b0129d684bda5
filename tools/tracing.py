"""What a program does to files, as strace tells it: every byte it reads of one, and every change it makes."""

import re
from collections.abc import Iterator
from pathlib import Path

CALLS = "%file,read"
"""All calls that take a file's name, and reads. Whatever is written is opened first, by its name and for writing."""

OPENED = re.compile(r" openat\(.* = \d+<(?P<path>[^>]+)>$")
READ = re.compile(r" read\(\d+<(?P<path>[^>]+)>.* = (?P<count>\d+)$")
CALL = re.compile(r"^\d+ +(?P<name>\w+)\((?P<rest>.*)")
LOOKING = {
    "access", "execve", "faccessat", "faccessat2", "getcwd", "lstat", "newfstatat", "open", "openat", "read",
    "readlink", "readlinkat", "stat", "statx",
}  # fmt: skip
"""Calls that change nothing, unless they open for writing."""
WRITING = re.compile(r"O_(?:WRONLY|RDWR|CREAT|TRUNC|APPEND|TMPFILE)\b")


def tracing(strace: Path, trace: Path, calls: str = CALLS) -> list[str]:
    """Return what to put before a command so that its calls are written to a file."""
    return [str(strace), "--seccomp-bpf", "-f", "-y", "-qq", "-s", "0", "-e", f"trace={calls}", "-o", str(trace)]


def reads(trace: Path, below: Path) -> dict[str, int]:
    """Return the files below a directory that were opened, and how many bytes the reads of each came to."""
    read: dict[str, int] = {}
    for line in _lines(trace, below):
        found = OPENED.search(line) or READ.search(line)
        if found is not None and found["path"].startswith(f"{below}/"):
            read[found["path"]] = read.get(found["path"], 0) + int(found.groupdict().get("count", 0))
    return read


def changes(trace: Path, below: Path) -> list[str]:
    """Return the calls that named something below a directory and could change something."""
    found = ((line, CALL.search(line)) for line in _lines(trace, below))
    return [line for line, call in found if call is not None and (call["name"] not in LOOKING or _writes(call["rest"]))]


def _writes(rest: str) -> bool:
    return WRITING.search(rest) is not None


def _lines(trace: Path, below: Path) -> Iterator[str]:
    with trace.open(errors="replace") as said:
        yield from (line.rstrip("\n") for line in said if f"{below}/" in line)
