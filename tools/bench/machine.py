"""The facts of the machine that numbers depend on."""

import os
import platform
import re
import sqlite3
import subprocess
from importlib.metadata import version
from pathlib import Path

from tools.bench.servers import Kind
from tools.provision import find


def facts(directory: Path, kinds: tuple[Kind, ...]) -> list[tuple[str, str]]:
    """Return what a reader needs to place the numbers: name and value, in order."""
    return [
        ("processor", f"{_processor()}, {os.cpu_count()} cores"),
        ("memory", f"{_memory():.0f} GB"),
        ("disk", _disk(directory)),
        ("kernel", f"{platform.system()} {platform.release()}, {_system()}"),
        *((kind.name, kind.version()) for kind in kinds),
        ("Python", f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}"),
        ("granian, uvloop", f"{version('granian')}, {version('uvloop')}"),
        ("wrk, ab", f"{_said('wrk', '-v')}, {_said('ab', '-V')}"),
    ]


def _processor() -> str:
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.machine()


def _memory() -> float:
    found = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    return int(found[1]) * 1024 / 1e9 if found else 0.0


def _disk(directory: Path) -> str:
    command = ["df", "--output=fstype,source,size", "--block-size=GB", str(directory)]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    return " ".join(said[-1].split()) if said else "unknown"


def _system() -> str:
    found = re.search(r'PRETTY_NAME="(.+)"', Path("/etc/os-release").read_text())
    return found[1] if found else "unknown"


def _said(program: str, flag: str) -> str:
    path = find(program)
    if path is None:
        return "missing"
    done = subprocess.run([str(path), flag], capture_output=True, text=True, check=False)
    found = re.search(r"\d+\.\d+\S*", done.stdout + done.stderr)
    return found[0] if found else "unknown"
