"""`refloat salvage --to` a registry that wants to know who asks, or speaks HTTPS."""

import base64
import http.client
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.certificates import make_server_certificate
from tests.clients.drivers import Skopeo
from tests.portable.peers import PASSWORD, USER, with_passwords
from tests.programs import needed
from tests.salvage.conftest import Stock
from tests.salvage.speaking import short, whole
from tests.serve.program import DEADLINE, environment
from tests.tokens import Rights, token_server
from tools.bench.servers import Server, free_port, spawn
from tools.serving import wait_until

WRONG = "not-the-password"
NOT_ALLOWED = 4


@dataclass
class Person:
    """Who runs `refloat salvage --to`, with a home of their own, and pulls with skopeo what they put back."""

    stock: Stock
    home: Path
    settings: dict[str, str] = field(default_factory=dict)

    def puts_back(self, address: str, *options: str, password: str = "") -> subprocess.CompletedProcess[str]:
        """Put back everything that is whole."""
        command = ["salvage", str(self.stock.root), *whole(self.stock), "--to", address, *options]
        done = subprocess.run(
            [sys.executable, "-m", "refloat", *command],
            env=environment(self.settings, self.home), input=f"{password}\n", capture_output=True, text=True,
            timeout=DEADLINE, check=False,
        )  # fmt: skip
        assert PASSWORD not in done.stdout + done.stderr
        assert WRONG not in done.stdout + done.stderr
        return done

    def logs_in(self, address: str) -> None:
        """Leave what `docker login` leaves."""
        coded = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        (self.home / ".docker").mkdir(parents=True)
        (self.home / ".docker" / "config.json").write_text(json.dumps({"auths": {address: {"auth": coded}}}))

    def has_all_back(self, address: str, monkeypatch: pytest.MonkeyPatch) -> bool:
        """Pull everything, logged in."""
        if not (self.home / ".docker").exists():
            self.logs_in(address)
        monkeypatch.setenv("REGISTRY_AUTH_FILE", str(self.home / ".docker" / "config.json"))
        skopeo = Skopeo(needed("skopeo"), self.home)
        return all(
            skopeo.pull("index", f"{address}/{name}:{tags[0] if tags else 'salvaged'}-{short(digest)}").bodies
            == self.stock.parts(digest)
            for digest, (_, name, _, tags) in whole(self.stock).items()
        )


@pytest.fixture
def person(each: Stock, tmp_path: Path) -> Person:
    """Somebody who never logged in."""
    return Person(each, tmp_path / "home")


@pytest.fixture
def basic(person: Person, tmp_path: Path) -> Iterator[str]:
    """The address of their registry, which asks for user and password."""
    with Server(person.stock.kind, person.stock.root, with_passwords(tmp_path)) as server:
        yield server.address


@pytest.fixture
def guarded(person: Person, tmp_path: Path) -> Iterator[str]:
    """The address of their registry, which asks for tokens: one user may pull and push everywhere, one may pull."""
    rights = Rights(
        {USER: PASSWORD, "reader": WRONG}, allowed={USER: {"*": {"pull", "push"}}, "reader": {"*": {"pull"}}}
    )
    with (
        token_server(tmp_path / "tokens", rights) as tokens,
        Server(person.stock.kind, person.stock.root, dict(tokens.settings)) as server,
    ):
        yield server.address


def test_who_says_nothing_is_told_how_to_log_in(basic: str, person: Person) -> None:
    done = person.puts_back(basic)
    assert (done.returncode, "Put back" in done.stderr) == (NOT_ALLOWED, False)
    assert done.stderr.endswith(f"error: {basic}: authentication required\n  hint: docker login {basic}\n")


def test_user_and_password_are_taken_from_standard_input(
    basic: str, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = person.puts_back(basic, "--username", USER, "--password-stdin", password=PASSWORD)
    assert done.returncode == 0, done.stderr
    assert person.has_all_back(basic, monkeypatch)


def test_what_docker_login_left_is_used(basic: str, person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    person.logs_in(basic)
    assert person.puts_back(basic).returncode == 0
    assert person.has_all_back(basic, monkeypatch)


def test_a_wrong_password_is_said_to_be_wrong(basic: str, person: Person) -> None:
    done = person.puts_back(basic, "--username", USER, "--password-stdin", password=WRONG)
    assert done.returncode == NOT_ALLOWED
    said = f"error: {basic} does not accept your user and password\n  they are those of --username\n"
    assert done.stderr.endswith(f"{said}  hint: docker login {basic}\n")


def test_tokens_are_fetched_for_what_is_put_back(guarded: str, person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    done = person.puts_back(guarded, "--username", USER, "--password-stdin", password=PASSWORD)
    assert done.returncode == 0, done.stderr
    assert person.has_all_back(guarded, monkeypatch)


def test_who_may_only_pull_puts_nothing_back(guarded: str, person: Person) -> None:
    done = person.puts_back(guarded, "--username", "reader", "--password-stdin", password=WRONG)
    assert (done.returncode, "Put back" in done.stderr) == (NOT_ALLOWED, False)


def test_user_and_password_go_together(person: Person) -> None:
    assert "--username needs --password-stdin" in person.puts_back("127.0.0.1:1", "--username", USER).stderr


def test_it_is_put_back_over_https(person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with over_tls(person.stock, tmp_path) as (address, certificate):
        done = person.puts_back(f"https://{address}")
        assert f"the certificate of {address} is not trusted" in done.stderr
        person.settings["SSL_CERT_FILE"] = str(certificate)
        done = person.puts_back(f"https://{address}")
        assert done.returncode == 0, done.stderr
        assert person.has_all_back(address, monkeypatch)


@contextmanager
def over_tls(stock: Stock, place: Path) -> Iterator[tuple[str, Path]]:
    """Serve the directory over HTTPS. Yields the address and the certificate that vouches for it."""
    signer = make_server_certificate(place)
    port = free_port()
    settings = {
        "REGISTRY_HTTP_TLS_CERTIFICATE": str(signer.certificate), "REGISTRY_HTTP_TLS_KEY": str(signer.key),
    }  # fmt: skip
    context = ssl.create_default_context(cafile=str(signer.certificate))

    def answers() -> bool:
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=context)
        try:
            connection.request("GET", "/v2/")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    log = place / "registry.log"
    with log.open("wb") as out:
        process = spawn(stock.kind.command(stock.root, port), out.fileno(), settings)
    try:
        wait_until(answers, DEADLINE, log.read_text)
        yield f"127.0.0.1:{port}", signer.certificate
    finally:
        process.terminate()
        process.wait(DEADLINE)
