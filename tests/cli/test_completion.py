"""Completion as people meet it: real shells on a terminal, the tab key, and what stands on the line then."""

import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.conftest import DEADLINE, Shell
from tests.programs import needed
from tools.content import Content
from tools.serving import Served, wait_until

PROMPT = "READY> "
SHOW = "\x14"  # the key that writes the line to a file and empties it
TAB = "\t"
PATIENT = "60000"  # a busy machine may take longer than a person waits

BASHRC = """
PS1='READY> '
show() { printf '%s\\n' "$READLINE_LINE" >"$HOME/line.new"; mv "$HOME/line.new" "$HOME/line"; READLINE_LINE=; }
bind -x '"\\C-t": show'
bind 'set bell-style none'
source "$HOME/completions"
"""
ZSHRC = """
PS1='READY> '
fpath=("$HOME/completions.d" $fpath)
autoload -Uz compinit && compinit -u -D
show() { print -r -- "$BUFFER" >"$HOME/line.new"; mv "$HOME/line.new" "$HOME/line"; BUFFER= }
zle -N show
bindkey '^T' show
"""
FISH = """
function fish_prompt; echo -n 'READY> '; end
function fish_greeting; end
function show
    commandline >"$HOME/line.new"
    mv "$HOME/line.new" "$HOME/line"
    commandline ''
end
function fish_user_key_bindings; bind \\ct show; end
"""


class Terminal:
    """A shell on a terminal, typed into."""

    def __init__(self, shell: Shell, *command: str | Path) -> None:
        self.line = shell.home / "line"
        self.seen = b""
        self.keys, theirs = pty.openpty()
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *(str(part) for part in command)],
            env=shell.environment, stdin=theirs, stdout=theirs, stderr=theirs,
        )  # fmt: skip
        os.close(theirs)

    def wait_for_prompt(self) -> None:
        self._wait(lambda: PROMPT.encode() in self.seen)

    def types(self, keys: str) -> str:
        """Type on an empty line; return what stands there then."""
        self.line.unlink(missing_ok=True)
        os.write(self.keys, (keys + SHOW).encode())
        self._wait(self.line.exists)
        return self.line.read_text().removesuffix("\n")

    def end(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(DEADLINE)
        os.close(self.keys)

    def _wait(self, done: Callable[[], bool]) -> None:
        def listens() -> bool:
            while select.select([self.keys], [], [], 0)[0]:
                self.seen += os.read(self.keys, 65536)
            return done()

        wait_until(listens, DEADLINE, lambda: self.seen.decode(errors="replace"))


def bash(shell: Shell) -> Terminal:
    (shell.home / "completions").write_text(shell("completion", "bash").out)
    (shell.home / "rc").write_text(BASHRC)
    return Terminal(shell, needed("bash"), "--noprofile", "--rcfile", shell.home / "rc", "-i")


def zsh(shell: Shell) -> Terminal:
    program = needed("zsh")
    (shell.home / "completions.d").mkdir()
    (shell.home / "completions.d" / "_refloat").write_text(shell("completion", "zsh").out)
    (shell.home / ".zshrc").write_text(ZSHRC)
    return Terminal(shell, program, "-d", "-i")


def fish(shell: Shell) -> Terminal:
    program = needed("fish")
    place = shell.home / ".config" / "fish"
    (place / "completions").mkdir(parents=True)
    (place / "completions" / "refloat.fish").write_text(shell("completion", "fish").out)
    (place / "config.fish").write_text(FISH)
    return Terminal(shell, program, "-i")


@dataclass(frozen=True)
class Place:
    """A shell, the server it asks, and the id of a deletion there."""

    terminal: Terminal
    served: Served
    change: str


@pytest.fixture(params=[bash, zsh, fish], ids=lambda start: start.__name__)
def place(
    request: pytest.FixtureRequest, own: tuple[Served, Shell], contents: tuple[Content, Content]
) -> Iterator[Place]:
    served, shell = own
    for name, tag in (("team/api", "v1.0"), ("team/web", "v2"), ("base", "latest"), ("base", "gone")):
        served.wire.push(name, tag, contents[0])
    change = shell("rm", "base:gone").change
    command = shell.home / "bin" / "refloat"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m refloat "$@"\n')
    command.chmod(0o755)
    shell.environment["PATH"] = f"{command.parent}:{os.environ['PATH']}"
    shell.environment["REFLOAT_COMPLETION_MS"] = PATIENT
    start: Callable[[Shell], Terminal] = request.param
    terminal = start(shell)
    try:
        terminal.wait_for_prompt()
        yield Place(terminal, served, change)
    finally:
        terminal.end()


def test_the_tab_key_completes_verbs_options_names_and_ids(place: Place) -> None:
    typed, host = place.terminal.types, place.served.address
    assert typed(f"refloat hi{TAB}") == "refloat history "
    assert typed(f"refloat ls --unt{TAB}") == "refloat ls --untagged "
    assert typed(f"refloat show t{TAB}") == "refloat show team/"
    assert typed(f"refloat show team/a{TAB}") == "refloat show team/api:"
    assert typed(f"refloat show team/a{TAB}{TAB}") == "refloat show team/api:v1.0 "
    assert typed(f"refloat show team/api:v{TAB}") == "refloat show team/api:v1.0 "
    assert typed(f"refloat show {host}/team/w{TAB}v{TAB}") == f"refloat show {host}/team/web:v2 "
    assert typed(f"refloat restore base:g{TAB}") == "refloat restore base:gone "
    assert typed(f"refloat show base:g{TAB}") == "refloat show base:g"
    assert typed(f"refloat log --repo team/a{TAB}") == "refloat log --repo team/api "
    assert typed(f"refloat log --repo=team/a{TAB}") == "refloat log --repo=team/api "
    assert typed(f"refloat undo {place.change[:6]}{TAB}") == f"refloat undo {place.change} "
    assert typed(f"refloat ls team/a{TAB}").rstrip() == "refloat ls team/api"
    assert typed(f"refloat rm team/api:v1.0 team/w{TAB}").rstrip() == "refloat rm team/api:v1.0 team/web"
    place.served.stop()
    assert typed(f"refloat show team/a{TAB}") == "refloat show team/a"


def answers(shell: Shell, line: str) -> list[list[str]]:
    """Ask as the scripts do."""
    environment = {**shell.environment, "_REFLOAT_LINE": line, "_REFLOAT_COMPLETE": "bash_complete"}
    done = subprocess.run(
        [sys.executable, "-m", "refloat"],
        env=environment, capture_output=True, text=True, timeout=DEADLINE, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return [answer.split("\t") for answer in done.stdout.splitlines() if answer]


def test_a_word_is_open_where_something_may_follow_and_an_id_is_told_of(
    own: tuple[Served, Shell], contents: tuple[Content, Content]
) -> None:
    served, shell = own
    shell.environment["REFLOAT_COMPLETION_MS"] = PATIENT
    served.wire.push("team/api", "v1", contents[0])
    assert answers(shell, "refloat history ") == [["open", "team/api", ""]]
    assert answers(shell, "refloat history team/api:") == [["plain", "team/api:v1", ""]]
    assert answers(shell, "refloat ls docker://t") == [["open", "docker://team/api", ""]]
    assert answers(shell, "refloat rm 'team/*:v") == []
    change = shell("rm", "team/api:v1").change
    (told,) = answers(shell, "refloat trash show ")
    assert told[:2] == ["plain", change]
    assert re.fullmatch(r"rm team/api:v1, (just now|\d+ s ago)", told[2])
    assert answers(shell, "refloat restore team") == [["open", "team/api:", ""]]
    assert answers(shell, "refloat purge team/api:") == [["plain", "team/api:v1", ""]]
    assert answers(shell, "refloat log --kind rm,und") == [["plain", "rm,undo", ""]]
    assert answers(shell, "refloat serve --root ") == [["dir", "", ""]]


def test_a_server_that_does_not_answer_is_not_waited_for(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert answers(shell, f"refloat ls --host 127.0.0.1:{silent.getsockname()[1]} t") == []


def test_what_cannot_be_asked_is_nothing(shell: Shell) -> None:
    assert answers(shell, "refloat ls --host '::' t") == []
    assert answers(shell, "refloat ls http://registry.invalid/t") == []
    assert answers(shell, "refloat show no/TAG:") == []
