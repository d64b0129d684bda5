"""What is said when something cannot be done: one line, facts, a hint, an exit code, never a traceback."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import DEADLINE, Shell
from tests.client.guarded import front
from tests.programs import needed
from tools.content import Content
from tools.serving import Served

STOCK = """version: 0.1
storage: {{filesystem: {{rootdirectory: {root}}}}}
http: {{addr: "127.0.0.1:0"}}
"""


@pytest.fixture
def closed() -> Iterator[int]:
    """A port that is taken, and where nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_nothing_listens(shell: Shell, closed: int) -> None:
    port = closed
    done = shell("ls", f"127.0.0.1:{port}/")
    assert (done.code, done.err) == (
        9,
        f"error: nothing listens at 127.0.0.1:{port}\n  hint: refloat serve   starts a registry here\n",
    )


def test_name_does_not_resolve(shell: Shell) -> None:
    done = shell("ls", "--host", "no-such-host.invalid")
    assert (done.code, done.err) == (9, "error: no-such-host.invalid has no address: the name does not resolve\n")


@pytest.mark.parametrize("host", [".", "a b", "http://", "ftp://host", "host:99999", "host/path"])
def test_what_is_no_host(shell: Shell, host: str) -> None:
    done = shell("ls", "--host", host)
    assert done.code == 2
    assert done.err.startswith(f"error: {host!r} does not name a server\n")


def test_plain_http_beyond_this_machine_has_to_be_meant(shell: Shell) -> None:
    done = shell("ls", "--host", "http://reg.example.com:5000")
    assert (done.code, done.err) == (
        9,
        "error: reg.example.com:5000 would be asked over plain HTTP\n  hint: --plain-http, if you mean it\n",
    )


def test_server_that_speaks_plain_http(shell: Shell, registry: Served) -> None:
    done = shell("ls", "--host", f"https://{registry.address}")
    assert (done.code, done.err) == (
        9, f"error: {registry.address} speaks plain HTTP\n  hint: --plain-http, if you mean it\n",
    )  # fmt: skip


@pytest.fixture
def stock(tmp_path: Path) -> Iterator[str]:
    """A reference registry, distribution 2.8 from Debian."""
    config = tmp_path / "stock.yml"
    config.write_text(STOCK.format(root=tmp_path / "stock"))
    process = subprocess.Popen(
        [needed("docker-registry"), "serve", config], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        lines = iter(process.stderr.readline, "")
        listening = next(line for line in lines if "listening on" in line)
        yield re.findall(r"127\.0\.0\.1:\d+", listening)[0]
    finally:
        process.terminate()
        process.communicate(timeout=DEADLINE)


def test_server_that_is_no_refloat(shell: Shell, stock: str) -> None:
    shell.environment["REFLOAT_HOST"] = stock
    for arguments in (("ls",), ("undo", "abcdefghij"), ("gc",)):
        done = shell(*arguments)
        assert done.code == 9, arguments
        assert done.err == (
            f"error: {stock} is not a refloat server (it answers like distribution)\n"
            "  hint: rm, trash, restore and purge work on any registry\n"
        )
    assert (shell("trash").code, shell("rm", "team/api:v1").code, shell("restore", "team/api:v1").code) == (0, 6, 6)


def test_what_does_not_exist(shell: Shell, registry: Served, contents: tuple[Content, Content]) -> None:
    registry.wire.push("failing/some", "v1", contents[0])
    assert shell("show", "failing/none:v1").err == (
        f"error: there is no repository failing/none at {registry.address}\n  hint: refloat ls   lists them\n"
    )
    missing = shell("rm", "failing/some:v2")
    assert (missing.code, missing.err) == (
        6,
        "error: failing/some:v2 does not exist\n  hint: refloat ls failing/some   lists its tags\n",
    )
    for arguments, code in (
        (("undo", "zzzzzzzzzz"), 6), (("trash", "show", "zzzzzzzzzz"), 6), (("history", "failing/none"), 6),
        (("restore", "failing/some:v1@{5}"), 6), (("restore", "failing/some:v1"), 2), (("rm", "failing/some"), 2),
        (("undo", "NOT-AN-ID"), 2), (("restore", "failing/some:v1", "--at", "whenever"), 2), (("ls", "a:b:c/"), 2),
    ):  # fmt: skip
        done = shell(*arguments)
        assert done.code == code, (arguments, done)
        assert done.err.startswith("error: "), done.err


def test_nothing_to_bring_back(own: tuple[Served, Shell]) -> None:
    served, shell = own
    known = shell("restore", "failing/never:v1")
    assert (known.code, known.err) == (
        6,
        f"error: there is no repository failing/never at {served.address}\n  hint: refloat ls   lists them\n",
    )
    assert shell("undo", "failing/never:v1").err.endswith("refloat restore REF   brings an image back by its name\n")
    nothing = f"error: no change was made from here at {served.address}\n"
    assert (shell("undo").code, shell("undo").err) == (2, nothing)
    assert "hint" in json.loads(shell("undo", "--json").err)


@pytest.mark.parametrize(
    ("line", "sentence", "hint"),
    [
        ("frob", "no such command 'frob'", "refloat --help   says how"),
        ("ls --limit 3", "no such option '--limit'", "refloat ls --help   says how"),
        ("--host h ls", "no such option '--host'", "options follow the verb:  refloat VERB --host"),
        ("rm", "missing argument 'REF...'", "refloat rm --help   says how"),
        ("completion csh", "invalid value for '{bash|zsh|fish}': 'csh' is not one of 'bash', 'zsh', 'fish'",
         "refloat completion --help   says how"),
        ("serve --nope", "no such option '--nope'", "refloat serve --help   says how"),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_meant_is_an_error_like_any_other(
    shell: Shell, line: str, sentence: str, hint: str
) -> None:
    done = shell(*line.split())
    assert (done.code, done.out, done.err) == (2, "", f"error: {sentence}\n  hint: {hint}\n")


def test_child_of_a_live_index_is_refused(shell: Shell, registry: Served, contents: tuple[Content, Content]) -> None:
    registry.wire.push("failing/child", "v1", contents[0])
    done = shell("rm", f"failing/child@{contents[0].amd64.digest}")
    assert done.code == 7
    assert contents[0].index.digest in done.err


def test_ambiguous_digest(shell: Shell, registry: Served, contents: tuple[Content, Content]) -> None:
    """Seven hex digits hardly ever collide, so the shortest that does is looked for by its own message."""
    registry.wire.push("failing/short", "v1", contents[0])
    done = shell("show", "failing/short@0000000")
    assert (done.code, done.err.splitlines()[0]) == (
        6, "error: failing/short@0000000 does not exist",
    )  # fmt: skip


def test_reader_that_has_read_enough(shell: Shell, registry: Served, contents: tuple[Content, Content]) -> None:
    registry.wire.push("failing/pipe", "v1", contents[0])
    ours, theirs = os.pipe()
    os.close(ours)
    with os.fdopen(theirs, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "refloat", "log"],
            env=shell.environment, stdout=closed, stderr=subprocess.PIPE, text=True, timeout=DEADLINE, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_interrupt(shell: Shell) -> None:
    """Ctrl-C while a server is being waited for."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        process = subprocess.Popen(
            ["env", "--default-signal=INT",  # a test run in the background ignores it, and hands that on
             sys.executable, "-m", "refloat", "ls", "--host", f"127.0.0.1:{silent.getsockname()[1]}"],
            env=shell.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        connection, _ = silent.accept()
        with connection:
            connection.recv(1)  # it has asked, and waits
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=DEADLINE)
    assert (process.returncode, out, err.strip()) == (130, "", "")


EARLY = """
import sys
class Interrupted:
    def find_spec(self, name, path, target=None):
        if name == "refloat.cli.ls":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupted())
from refloat.__main__ import run
run()
"""


def test_an_interrupt_before_the_verb_began(shell: Shell) -> None:
    command = [sys.executable, "-c", EARLY, "ls"]
    done = subprocess.run(command, env=shell.environment, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert (done.returncode, done.stderr.strip()) == (130, "")


def test_debug_shows_where(shell: Shell, closed: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "refloat", "ls", "--debug", "--host", f"127.0.0.1:{closed}"],
        env=shell.environment, capture_output=True, text=True, timeout=DEADLINE, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_who_asks_is_said_to_a_server_that_wants_to_know(shell: Shell, registry: Served, tmp_path: Path) -> None:
    helper = tmp_path / "bin" / "docker-credential-pass"
    helper.parent.mkdir()
    helper.write_text('#!/bin/sh\necho "pass not initialized"\nexit 1\n')
    helper.chmod(0o755)
    shell.environment["PATH"] = f"{helper.parent}:{os.environ['PATH']}"
    (shell.home / ".docker").mkdir()
    (shell.home / ".docker" / "config.json").write_text('{"credsStore": "pass"}')
    with front(registry.address) as gate:
        gate.authorization = "Basic Ym9iOnNlY3JldA=="  # bob:secret
        refused = shell("ls", "--host", gate.address)
        assert refused.code == 4
        said = '"pass not initialized"'
        fact = f'~/.docker/config.json names the helper "pass", and docker-credential-pass failed: {said}'
        assert refused.err.splitlines() == [
            f"error: {gate.address}: authentication required",
            f"  {fact}",
            f"  hint: docker login {gate.address}",
        ]
        helper.write_text("""#!/bin/sh\necho '{"Username": "bob", "Secret": "secret"}'\n""")
        assert shell("ls", "--host", gate.address).code == 0
        helper.unlink()
        assert shell("ls", "--host", gate.address, "--username", "bob", "--password-stdin", text="secret\n").code == 0
        assert shell("ls", "--host", gate.address, "--username", "bob").code == 2


def test_name_in_use(shell: Shell, registry: Served, contents: tuple[Content, Content]) -> None:
    registry.wire.push("failing/used", "v1", contents[0])
    registry.wire.push("failing/used", "v1", contents[1])
    registry.wire.push("failing/used", "other", contents[1])
    done = shell("restore", "failing/used:v1@{1}", "--as", "other")
    assert done.code == 7
    lines = done.err.splitlines()
    assert lines[0] == "error: failing/used:other is in use"
    assert lines[-1] == "  hint: --as another name, or --replace moves it (undoable)"
    assert shell("restore", "failing/used:v1@{1}", "--as", "other", "--replace").code == 0
    assert registry.wire.manifest("failing/used", "other").body == contents[0].index.body


def test_two_ways_to_treat_a_conflict_exclude_each_other(shell: Shell) -> None:
    done = shell("undo", "pielnbyaja", "--skip", "--replace")
    assert done.code == 2
    assert "--skip and --replace exclude each other" in done.err


def test_an_output_that_takes_nothing_is_said_to_be_so(registry: Served, contents: tuple[Content, Content]) -> None:
    registry.wire.push("full/output", "v1", contents[0])
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "refloat", "ls", "--host", registry.address],
            stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True, timeout=DEADLINE, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "error: the output could not be written: No space left on device\n")


@pytest.mark.parametrize(
    "words",
    ["ls --json --nope", "rm --json", "undo --jsonl --skip --replace", "log --json -l 0", "nope --json", "--json ls",
     "verify --json --nope"],
)  # fmt: skip
def test_a_line_that_cannot_be_read_is_told_of_as_a_document_where_that_was_asked_for(shell: Shell, words: str) -> None:
    done = shell(*words.split())
    assert (done.code, done.out) == (2, "")
    told = json.loads(done.err)
    assert (told["schema"], told["code"], told["exit"]) == ("refloat.error/1", "USAGE", 2)
    assert told["hint"].endswith(("   says how", "refloat VERB --json"))


def test_what_follows_the_end_of_options_asks_for_no_document(shell: Shell) -> None:
    assert shell("show", "--", "--json", "--jsonl").err.startswith("error: got unexpected extra argument")


def test_a_repository_that_never_was_has_no_changes_and_no_trash(
    shell: Shell, registry: Served, contents: tuple[Content, Content]
) -> None:
    expected = f"error: there is no repository never/was at {registry.address}\n  hint: refloat ls   lists them\n"
    for words in (["ls", "never/was"], ["log", "--repo", "never/was"], ["trash", "--repo", "never/was"]):
        done = shell(*words)
        assert (done.code, done.out, done.err) == (6, "", expected), words
    registry.wire.push("failing/once", "v1", contents[0])
    assert shell("trash", "--repo", "failing/once").code == 0
    shell("rm", "failing/once/")
    for words in (["log", "--repo", "failing/once", "--by", "nobody"], ["trash", "--repo", "failing/once"]):
        assert shell(*words).code == 0, words


def test_restore_of_what_never_was(shell: Shell, registry: Served, contents: tuple[Content, Content]) -> None:
    registry.wire.push("failing/never", "v1", contents[0])
    done = shell("restore", "failing/never:nope")
    assert done.code == 6
    assert done.err == (
        "error: failing/never:nope does not exist, and history knows no value it had\n"
        "  hint: refloat history failing/never   shows what there was\n"
    )


def test_as_of_several_references_asks_which(shell: Shell, registry: Served, contents: tuple[Content, Content]) -> None:
    for tag in ("a", "b"):
        registry.wire.push("failing/several", tag, contents[0])
    change = shell("rm", "failing/several:a", "failing/several:b").change
    done = shell("undo", change, "--as", "c")
    assert done.code == 2
    assert done.err == (
        f"error: {change} moved several references, and --as brings back one\n"
        "  failing/several:a\n  failing/several:b\n"
        f"  hint: refloat undo {change} --as c --reference REF\n"
    )
    assert shell("undo", change, "--as", "c", "--reference", "b").code == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["restore", "R:v1", "--rev", "99999999999"], "--rev is a number of changes, at most 2147483647"),
        (["rm", "-n", "R:v1", "--reason", "x" * 1001], "--reason is text of at most 1000 characters"),
        (["rm", "-n", "R:v1", "--reason", "x" * 1001, "--json"], "--reason is text of at most 1000 characters"),
        (["rm", "-n", "R:v*", "--older-than", "999999w"], "--older-than is a number of seconds, at most 3162240000"),
        (["undo", "abc", "--as", "x" * 201], "--as is a tag"),
    ],
)
def test_a_value_the_server_refuses_is_named_as_it_was_typed(
    shell: Shell, registry: Served, contents: tuple[Content, Content], words: list[str], sentence: str
) -> None:
    registry.wire.push("failing/value", "v1", contents[0])
    done = shell(*(word.replace("R:", "failing/value:") for word in words))
    assert done.code == 2
    told = json.loads(done.err)["message"] if "--json" in words else done.err.splitlines()[0].removeprefix("error: ")
    assert told == sentence
