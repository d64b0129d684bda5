"""Docker's and Podman's credential files and helpers: which is read first, what each form means."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from refloat.client.credentials import Search, search

HOST = "reg.example.com:5000"


@dataclass
class Person:
    """A home, an environment, and a directory of programs."""

    home: Path
    environment: dict[str, str]
    programs: Path

    def write(self, path: Path, document: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document if isinstance(document, str) else json.dumps(document))

    def helper(self, name: str, script: str) -> None:
        """Put an executable `docker-credential-NAME` on PATH."""
        program = self.programs / f"docker-credential-{name}"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    def search(self, host: str = HOST) -> Search:
        return search(host, self.environment, self.home)

    def found(self, host: str = HOST) -> tuple[str, str] | None:
        credentials = self.search(host).credentials
        return (credentials.user, credentials.password) if credentials else None

    @property
    def docker(self) -> Path:
        return self.home / ".docker" / "config.json"


@pytest.fixture
def person(tmp_path: Path) -> Person:
    programs = tmp_path / "bin"
    programs.mkdir()
    return Person(tmp_path / "home", {"PATH": f"{programs}:/usr/bin:/bin"}, programs)


def auths(user: str, password: str = "secret", host: str = HOST) -> dict[str, object]:
    return {"auths": {host: {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}}}


def test_nothing_anywhere(person: Person) -> None:
    assert person.search() == Search(None, ())


def test_files_are_read_in_the_order_of_the_tools(person: Person, tmp_path: Path) -> None:
    person.environment["XDG_RUNTIME_DIR"] = str(tmp_path / "run")
    person.write(person.home / ".config" / "containers" / "auth.json", auths("config"))
    assert person.found() == ("config", "secret")
    person.write(tmp_path / "run" / "containers" / "auth.json", auths("runtime"))
    assert person.found() == ("runtime", "secret")
    person.write(person.docker, auths("docker"))
    assert person.found() == ("docker", "secret")
    person.environment["DOCKER_CONFIG"] = str(tmp_path / "elsewhere")
    assert person.found() == ("runtime", "secret")
    person.write(tmp_path / "elsewhere" / "config.json", auths("moved"))
    assert person.found() == ("moved", "secret")
    person.environment["REGISTRY_AUTH_FILE"] = str(tmp_path / "named.json")
    person.write(tmp_path / "named.json", auths("named"))
    assert person.found() == ("named", "secret")
    person.environment |= {"REFLOAT_USERNAME": "given", "REFLOAT_PASSWORD": "by hand"}
    assert person.found() == ("given", "by hand")


def test_entries_are_for_exactly_one_server(person: Person) -> None:
    person.write(person.docker, auths("other", host="reg.example.com"))
    assert person.found() is None
    assert person.found("reg.example.com") == ("other", "secret")
    person.write(person.docker, auths("namespace", host=f"{HOST}/team"))
    assert person.found() is None
    person.write(person.docker, auths("old", host=f"https://{HOST}/v1/"))
    assert person.found() == ("old", "secret")


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"auth": base64.b64encode(b"bob:pass:word").decode()}, ("bob", "pass:word")),
        ({"username": "bob", "password": "plain"}, ("bob", "plain")),
        ({}, None),
        ({"auth": ""}, None),
    ],
)
def test_forms_of_an_entry(person: Person, entry: object, expected: tuple[str, str] | None) -> None:
    person.write(person.docker, {"auths": {HOST: entry}})
    assert person.found() == expected


@pytest.mark.parametrize(
    ("document", "note"),
    [
        ("{", "~/.docker/config.json cannot be read: "),
        ({"auths": {HOST: {"auth": "%%%"}}}, "~/.docker/config.json has an entry that cannot be understood"),
        (
            {"auths": {HOST: {"identitytoken": "abc"}}},
            "~/.docker/config.json holds an identity token, and only user and password can be used",
        ),
        (
            {"credsStore": "../evil"},
            '~/.docker/config.json names the helper "../evil", which is not the name of a program',
        ),
    ],
)
def test_what_cannot_be_used_is_said_and_the_next_file_is_read(person: Person, document: object, note: str) -> None:
    person.write(person.docker, document)
    person.write(person.home / ".config" / "containers" / "auth.json", auths("podman"))
    found = person.search()
    assert found.credentials is not None
    assert found.credentials.user == "podman"
    assert found.notes[0].startswith(note)


def test_helper_of_a_server_goes_before_the_store(person: Person) -> None:
    person.helper("one", f"""read host; test "$host" = {HOST} && echo '{{"Username":"one","Secret":"s1"}}'""")
    person.helper("store", """echo '{"Username":"store","Secret":"s2"}'""")
    person.write(person.docker, {"credHelpers": {HOST: "one"}, "credsStore": "store"})
    assert person.found() == ("one", "s1")
    assert person.found("elsewhere.example.com") == ("store", "s2")


def test_helper_that_has_nothing_leaves_the_entry(person: Person) -> None:
    person.helper("empty", "echo 'credentials not found in native keychain'; exit 1")
    person.write(person.docker, {"credsStore": "empty", **auths("entry")})
    assert person.found() == ("entry", "secret")


@pytest.mark.parametrize(
    ("script", "note"),
    [
        ('echo "pass not initialized"; exit 1', 'docker-credential-bad failed: "pass not initialized"'),
        ("echo not json", "docker-credential-bad failed: its answer cannot be understood"),
        (
            """echo '{"Username":"<token>","Secret":"t"}'""",
            "docker-credential-bad failed: it holds an identity token, and only user and password can be used",
        ),
    ],
)
def test_helper_that_fails_is_quoted(person: Person, script: str, note: str) -> None:
    person.helper("bad", script)
    person.write(person.docker, {"credsStore": "bad"})
    found = person.search()
    assert found.credentials is None
    assert found.notes == (f'~/.docker/config.json names the helper "bad", and {note}',)


def test_helper_that_is_missing_is_named(person: Person) -> None:
    person.write(person.docker, {"credsStore": "absent"})
    assert "docker-credential-absent failed: " in person.search().notes[0]
