"""A server's life, from outside: start, signals, crashes, a second start."""

import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from tests.serve.program import DEADLINE, Program, environment, eventually, refloat


def test_it_answers_when_it_says_so_and_ends_when_told(tmp_path: Path) -> None:
    with Program(tmp_path) as program:
        assert program.ask("GET", "/v2/").status == 200
        assert f"listening on {program.url}" in program.said()
        program.send(signal.SIGTERM)
        assert program.ended() == 0
    assert "Traceback" not in program.said()


def test_it_starts_again_on_what_it_left(tmp_path: Path) -> None:
    for _ in range(2):
        with Program(tmp_path) as program:
            assert program.ask("GET", "/v2/").status == 200
            program.send(signal.SIGINT)
            assert program.ended() == 0


def test_a_killed_server_takes_its_workers_along_and_needs_no_repair(tmp_path: Path) -> None:
    with Program(tmp_path, REGISTRY_REFLOAT_WORKERS="2") as program:
        assert program.ask("GET", "/v2/").status == 200
        eventually(lambda: len(program.workers()) == 2, "two workers were asked for")
        workers = program.workers()
        program.send(signal.SIGKILL)
        program.ended()
        with Program(tmp_path) as again:
            assert again.ask("GET", "/v2/").status == 200
        eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), "a worker outlived its server")


def test_a_killed_worker_is_replaced(tmp_path: Path) -> None:
    with Program(tmp_path) as program:
        assert program.ask("GET", "/v2/").status == 200
        [worker] = program.workers()
        os.kill(worker, signal.SIGKILL)
        eventually(lambda: program.workers() not in ([worker], []), "no new worker was started")
        assert program.ask("GET", "/v2/").status == 200
        program.send(signal.SIGTERM)
        assert program.ended() == 0


def begin(connection: http.client.HTTPConnection, request: str, length: int) -> None:
    """Send a request's head, and nothing of its body yet."""
    method, _, path = request.partition(" ")
    connection.putrequest(method, path)
    connection.putheader("Content-Length", str(length))
    connection.endheaders()


def upload(program: Program) -> str:
    """Begin an upload and return its address."""
    return program.ask("POST", "/v2/team/api/blobs/uploads/").getheader("Location") or ""


def test_a_request_under_way_finishes_before_the_end(tmp_path: Path) -> None:
    body = b"layer" * 1000
    with Program(tmp_path) as program, closing(program.connect()) as connection:
        place = upload(program)
        mark = "&" if "?" in place else "?"
        begin(connection, f"PUT {place}{mark}digest=sha256:{sha256(body).hexdigest()}", len(body))
        connection.send(body[:-1])
        assert program.ask("GET", "/v2/").status == 200  # the worker has taken what came before
        program.send(signal.SIGTERM)
        eventually(lambda: "requests under way may finish" in program.said(), "the signal was not heard")
        connection.send(body[-1:])
        assert connection.getresponse().status == 201
        assert program.ended() == 0


@pytest.mark.parametrize("told", [os.kill, os.killpg])
@pytest.mark.parametrize("later", [0, 0.01, 0.02, 0.03, 0.05, 0.1])
def test_a_server_told_to_end_while_it_starts_waits_for_nobody(
    tmp_path: Path, told: Callable[[int, signal.Signals], None], later: float
) -> None:
    """Whatever its worker has come to in `later` seconds. A group's signal reaches the worker twice."""
    with Program(tmp_path, REGISTRY_HTTP_DRAINTIMEOUT="10m") as program:
        eventually(lambda: program.workers() != [], "no worker was started")
        time.sleep(later)
        told(program.process.pid, signal.SIGTERM)
        assert program.ended() == 0


def test_the_second_signal_ends_at_once(tmp_path: Path) -> None:
    with Program(tmp_path, REGISTRY_HTTP_DRAINTIMEOUT="1h") as program, closing(program.connect()) as connection:
        begin(connection, f"PATCH {upload(program)}", 1000)
        connection.send(b"some")
        assert program.ask("GET", "/v2/").status == 200  # the worker has taken what came before
        program.send(signal.SIGTERM)
        eventually(lambda: "requests under way may finish" in program.said(), "the signal was not heard")
        program.send(signal.SIGTERM)
        program.ended()
        assert "told twice" in program.said()


def test_a_directory_has_one_server(tmp_path: Path) -> None:
    with Program(tmp_path) as program:
        second = refloat("serve", "--root", str(program.root), "--listen", "127.0.0.1:0", home=tmp_path)
        assert second.returncode == 7
        assert f"another refloat (pid {program.process.pid} on host" in second.stderr
        assert second.stderr.startswith("error: ")


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with Program(tmp_path) as program:
        place = program.url.removeprefix("http://")
        second = refloat("serve", "--root", str(tmp_path / "other"), "--listen", place, home=tmp_path)
        assert second.returncode == 1
        assert second.stderr.splitlines()[-2:] == [
            f"error: {place} is already in use",
            "  hint: --listen HOST:PORT takes another, port 0 a free one",
        ]
        assert not (tmp_path / "other").exists()


def test_an_unadopted_registry_is_named_before_the_port_that_its_server_has(tmp_path: Path) -> None:
    images = tmp_path / "other"
    (images / "docker" / "registry" / "v2").mkdir(parents=True)
    with Program(tmp_path) as program:
        place = program.url.removeprefix("http://")
        second = refloat("serve", "--root", str(images), "--listen", place, home=tmp_path)
    assert "holds the images of a registry:2" in second.stderr


@pytest.mark.parametrize("verb", ["serve", "verify", "clock"])
def test_an_empty_root_is_not_where_one_is(tmp_path: Path, verb: str) -> None:
    ended = refloat(verb, "--root", "", home=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.splitlines()[0] == (
        "error: invalid value for '--root': it is empty; . is the directory you are in"
    )


def test_an_unadopted_registry_is_refused(tmp_path: Path) -> None:
    (tmp_path / "docker" / "registry" / "v2").mkdir(parents=True)
    ended = refloat("serve", "--root", str(tmp_path), home=tmp_path)
    assert ended.returncode == 1
    assert "holds the images of a registry:2" in ended.stderr
    assert "hint: this version cannot take them over" in ended.stderr


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    with Program(tmp_path) as program:
        program.send(signal.SIGTERM)
        program.ended()
    database = sqlite3.connect(program.root / "refloat" / "refloat.db")
    database.execute("INSERT INTO schema_version VALUES (9999)")
    database.commit()
    database.close()
    ended = refloat("serve", "--root", str(program.root), "--listen", "127.0.0.1:0", home=tmp_path)
    assert ended.returncode == 1
    assert "9999" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_database_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "refloat").mkdir()
    (tmp_path / "refloat" / "refloat.db").write_text("this is a text, and it is longer than a database's head is\n" * 9)
    ended = refloat("serve", "--root", str(tmp_path), "--listen", "127.0.0.1:0", home=tmp_path)
    assert ended.returncode == 1
    assert "refloat.db cannot be used: file is not a database" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_workers_that_cannot_start_end_the_server_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "refloat").mkdir()
    (tmp_path / "refloat" / "objects").write_text("in the way")
    ended = refloat("serve", "--root", str(tmp_path), "--listen", "127.0.0.1:0", home=tmp_path)
    assert ended.returncode == 1
    assert "a worker cannot start" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_idle_connections_do_not_hold_up_the_end(tmp_path: Path) -> None:
    with Program(tmp_path, REGISTRY_HTTP_DRAINTIMEOUT="1h") as program, closing(program.connect()) as idle:
        idle.request("GET", "/v2/")
        assert idle.getresponse().read() is not None
        program.send(signal.SIGTERM)
        assert program.ended() == 0


def test_a_refused_configuration_names_every_reason(tmp_path: Path) -> None:
    config = tmp_path / "config.yml"
    config.write_text("version: 0.1\nauth: {htpasswd: {path: /x}}\nhttp: {tls: {certificate: /a, key: /b}}\n")
    ended = refloat("serve", str(config), home=tmp_path)
    assert ended.returncode == 1
    errors = [line for line in ended.stderr.splitlines() if line.startswith("error: ")]
    assert [f"{config} line 2: auth" in errors[0], f"{config} line 3: http.tls" in errors[1]] == [True, True]
    assert ended.stderr.count("hint: ") == 2


def test_a_configuration_can_be_checked_without_starting(tmp_path: Path) -> None:
    config = tmp_path / "config.yml"
    config.write_text(f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {tmp_path}/root}}, cache: {{a: b}}}}\n")
    ended = refloat("serve", str(config), "--check-config", home=tmp_path, REGISTRY_HTTP_ADDR=":5000")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == [
        f"notice: storage.cache: accepted, no effect: refloat keeps its own index ({config} line 2)",
        f"ok: images in {tmp_path}/root, listening on *:5000",
    ]
    assert not (tmp_path / "root").exists()


def test_every_line_of_a_json_log_is_json(tmp_path: Path) -> None:
    with Program(tmp_path, REGISTRY_LOG_FORMATTER="json", REGISTRY_LOG_FIELDS_SERVICE="registry") as program:
        assert program.ask("GET", "/v2/").status == 200
        program.send(signal.SIGTERM)
        program.ended()
    lines = [json.loads(line) for line in program.said().splitlines()]
    assert all(line["service"] == "registry" for line in lines)


def test_the_collector_saves_the_metadata_each_day(tmp_path: Path) -> None:
    with Program(tmp_path, REGISTRY_REFLOAT_COLLECT_INTERVAL="20ms") as program:
        backups = program.root / "refloat" / "backups"
        eventually(lambda: backups.is_dir() and any(backups.iterdir()), "no backup was made")
        assert "Traceback" not in program.said()


def test_another_server_can_run_it(tmp_path: Path) -> None:
    settings = {"REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": str(tmp_path / "root"), "REGISTRY_LOG_LEVEL": "error"}
    command = [sys.executable, "-m", "uvicorn", "--factory", "refloat.main:asgi", "--port", "0", "--no-access-log"]
    log = tmp_path / "log"
    with log.open("wb") as out, subprocess.Popen(
        command, env=environment(settings, tmp_path), stdin=subprocess.DEVNULL, stdout=out, stderr=out
    ) as server:
        try:
            eventually(lambda: (tmp_path / "root" / "refloat" / "refloat.db").exists(), log.read_text())
            second = subprocess.run(
                command, env=environment(settings, tmp_path), capture_output=True, text=True,
                timeout=DEADLINE, check=False,
            )  # fmt: skip
            assert f"another refloat (pid {server.pid} on host" in second.stderr
        finally:
            server.terminate()
    assert "Traceback" not in log.read_text()


def test_help_is_the_same_page_wherever_it_is_asked_for(tmp_path: Path) -> None:
    asked = refloat("--help", home=tmp_path)
    assert "  serve" in asked.stdout
    assert refloat("-h", home=tmp_path).stdout == asked.stdout
    assert refloat(home=tmp_path).stderr == asked.stdout
    assert refloat("--version", home=tmp_path).stdout.startswith("refloat ")
    assert "Run the registry." in refloat("serve", "--help", home=tmp_path).stdout
    assert refloat("nonsense", home=tmp_path).returncode == 2
