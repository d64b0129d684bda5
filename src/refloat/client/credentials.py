"""Who asks: Docker's and Podman's credential files and helpers, in the order those tools read them.

A file names servers under `auths`; a helper is a program `docker-credential-NAME` that is told the server
on standard input and answers `{"Username", "Secret"}`. An identity token, which stands for a login and is given to
token servers alone, is found only by who asks for it.
"""

import base64
import binascii
import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from refloat.language import say

HELPER_PATIENCE = 30.0  # seconds
TOKEN_USER = "<token>"  # a helper's way to say that the secret is an identity token, not a password


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and a password, and where they came from; or instead of a password an identity token."""

    user: str
    password: str = field(repr=False)
    source: str
    identity_token: str = field(default="", repr=False)

    @property
    def authorization(self) -> str:
        """The value of the header, RFC 7617."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Search:
    """What was found for a server. `notes` say, for people, what could not be used and why."""

    credentials: Credentials | None
    notes: tuple[str, ...]


class _NotUsable(Exception):
    """A file or a helper could not be used; the text says why."""


class _IdentityToken(_NotUsable):
    """What was found is an identity token. The text is for those who cannot use it."""

    def __init__(self, text: str, found: Credentials) -> None:
        super().__init__(text)
        self.found = found


def search(
    netloc: str, environment: Mapping[str, str], home: Path, usable: Literal["passwords", "all"] = "passwords"
) -> Search:
    """Look for credentials of a server, `HOST[:PORT]`; identity tokens count only where all are usable."""
    if "REFLOAT_USERNAME" in environment:
        named = Credentials(
            environment["REFLOAT_USERNAME"], environment.get("REFLOAT_PASSWORD", ""), "REFLOAT_USERNAME"
        )
        return Search(named, ())
    notes: list[str] = []
    for path in _files(environment, home):
        try:
            found = _in_file(path, _shown(path, home), netloc, environment)
        except _IdentityToken as token:
            if usable == "all":
                return Search(token.found, tuple(notes))
            notes.append(str(token))
            continue
        except _NotUsable as problem:
            notes.append(str(problem))
            continue
        if found is not None:
            return Search(found, tuple(notes))
    return Search(None, tuple(notes))


def _files(environment: Mapping[str, str], home: Path) -> Iterator[Path]:
    if environment.get("REGISTRY_AUTH_FILE"):
        yield Path(environment["REGISTRY_AUTH_FILE"])
    docker = environment.get("DOCKER_CONFIG")
    yield (Path(docker) if docker else home / ".docker") / "config.json"
    if environment.get("XDG_RUNTIME_DIR"):
        yield Path(environment["XDG_RUNTIME_DIR"]) / "containers" / "auth.json"
    yield Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "containers" / "auth.json"


def _shown(path: Path, home: Path) -> str:
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def _in_file(path: Path, shown: str, netloc: str, environment: Mapping[str, str]) -> Credentials | None:
    document = _read(path, shown)
    helper = _helper(document, netloc)
    if helper is not None:
        asked = _ask(helper, shown, netloc, environment)
        if asked is not None:
            return asked
    for name, entry in _table(document, "auths").items():
        if _server(name) == netloc and isinstance(entry, dict) and entry:
            return _from_entry(entry, shown)
    return None


def _read(path: Path, shown: str) -> Mapping[str, object]:
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as problem:
        raise _NotUsable(say("{shown} cannot be read: {problem}", shown=shown, problem=problem)) from None
    return document if isinstance(document, dict) else {}


def _table(document: Mapping[str, object], name: str) -> Mapping[str, object]:
    table = document.get(name)
    return table if isinstance(table, dict) else {}


def _server(name: str) -> str:
    """Return the HOST[:PORT] of an entry's name, which may be an address of old: `https://host/v1/`.

    Podman's entries for one namespace of a server, `host/team`, are for no server as a whole.
    """
    _, scheme, rest = name.rpartition("://")
    return rest.partition("/")[0] if scheme else rest


def _helper(document: Mapping[str, object], netloc: str) -> str | None:
    for name, helper in _table(document, "credHelpers").items():
        if _server(name) == netloc and isinstance(helper, str) and helper:
            return helper
    store = document.get("credsStore")
    return store if isinstance(store, str) and store else None


def _ask(helper: str, shown: str, netloc: str, environment: Mapping[str, str]) -> Credentials | None:
    """Run a helper. None: it has nothing for this server."""
    program = f"docker-credential-{helper}"
    failed = say(
        '{shown} names the helper "{helper}", and {program} failed: ', shown=shown, helper=helper, program=program
    )
    if "/" in helper:
        raise _NotUsable(
            say('{shown} names the helper "{helper}", which is not the name of a program', shown=shown, helper=helper)
        )
    try:
        done = subprocess.run(
            [program, "get"], input=netloc, capture_output=True, text=True,
            env=dict(environment), timeout=HELPER_PATIENCE, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError) as problem:
        raise _NotUsable(failed + str(problem)) from None
    said = (done.stdout.strip() or done.stderr.strip()).partition("\n")[0]
    if done.returncode:
        if "not found" in said:
            return None
        raise _NotUsable(f'{failed}"{said}"')
    return _from_helper(done.stdout, failed, f"{shown}, {program}")


def _from_helper(answer: str, failed: str, source: str) -> Credentials:
    try:
        document = json.loads(answer)
        user, secret = document["Username"], document["Secret"]
    except (ValueError, KeyError, TypeError):
        raise _NotUsable(say("{failed}its answer cannot be understood", failed=failed)) from None
    if user == TOKEN_USER:
        raise _IdentityToken(
            say("{failed}it holds an identity token, and only user and password can be used", failed=failed),
            Credentials("", "", source, str(secret)),
        )
    return Credentials(str(user), str(secret), source)


def _from_entry(entry: Mapping[str, object], shown: str) -> Credentials | None:
    if isinstance(token := entry.get("identitytoken"), str) and token:
        raise _IdentityToken(
            say("{shown} holds an identity token, and only user and password can be used", shown=shown),
            Credentials("", "", shown, token),
        )
    if isinstance(entry.get("username"), str):
        return Credentials(str(entry["username"]), str(entry.get("password", "")), shown)
    coded = entry.get("auth")
    if not isinstance(coded, str) or not coded:
        return None
    try:
        user, colon, password = base64.b64decode(coded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        colon = ""
    if not colon:
        raise _NotUsable(say("{shown} has an entry that cannot be understood", shown=shown))
    return Credentials(user, password.rstrip("\0"), shown)
