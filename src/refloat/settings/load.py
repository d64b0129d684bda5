"""From a file, the environment and the command line to settings."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from refloat.settings.address import split
from refloat.settings.answering import is_path, is_server, problems_of
from refloat.settings.declared import KEYS
from refloat.settings.overrides import overlay
from refloat.settings.reading import Reading
from refloat.settings.tree import Branch, Node, NotYamlError, SaidTwiceError, TooMuchError, find
from refloat.settings.values import Formatter, Level, Loaded, Refusal, Settings, SettingsRefused
from refloat.settings.verdicts import Verdicts

PATH_VARIABLE = "REGISTRY_CONFIGURATION_PATH"
DEFAULT_ADDRESS = "127.0.0.1:5000"
DISTRIBUTIONS_ROOT = "/var/lib/registry"  # its filesystem driver's default
LEVELS = ("error", "warn", "info", "debug")
FORMATTERS = ("text", "json", "logstash")


@dataclass(frozen=True, slots=True)
class Flags:
    """What the command line says; it goes before file and environment."""

    root: Path | None = None
    listen: str | None = None


def load(path: Path | None, environ: Mapping[str, str], flags: Flags | None = None) -> Loaded:
    """Read a configuration as `registry serve` would, and ours beside it.

    Without `path` the file is the one REGISTRY_CONFIGURATION_PATH names; without that, nothing needs
    to be configured. Raises SettingsRefused with every reason.
    """
    flags = flags or Flags()
    named = path or (Path(environ[PATH_VARIABLE]) if environ.get(PATH_VARIABLE) else None)
    root = _document(named) if named else Branch("defaults")
    overridden = overlay(root, environ)
    verdicts = Verdicts()
    verdicts.judge(root)
    reading = Reading(root)
    if named:
        _check_version(reading)
    settings = _settings(root, reading, environ, flags)
    refusals = (*overridden.refusals, *verdicts.refusals, *reading.refusals)
    if refusals:
        raise SettingsRefused(refusals)
    return Loaded(settings, (*overridden.notices, *verdicts.notices, *reading.notices))


def _document(path: Path) -> Branch:
    from refloat.settings.parsing import read

    try:
        document = read(_text(path), str(path), lines=True)
    except SaidTwiceError as problem:
        raise SettingsRefused([Refusal(problem.key, str(path), str(problem))]) from None
    except TooMuchError as problem:
        raise SettingsRefused([Refusal("configuration", str(path), f"cannot be used: {problem}")]) from None
    except NotYamlError as problem:
        raise SettingsRefused([Refusal("configuration", str(path), f"is not YAML: {problem}")]) from None
    if document is None:
        return Branch(str(path))
    if not isinstance(document, Branch):
        raise SettingsRefused([Refusal("configuration", str(path), "is not a mapping of keys")])
    document.entries = {name: _settled(name, node) for name, node in document.entries.items()}
    return document


def _text(path: Path) -> str:
    """Return a file's text, having read no more than may be. Raises SettingsRefused."""
    from refloat.settings.parsing import LARGEST, TOO_LARGE

    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise SettingsRefused([Refusal("configuration", str(path), f"cannot be used: {TOO_LARGE}")])
        return content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8 text"
        raise SettingsRefused([Refusal("configuration", str(path), f"cannot be read: {reason}")]) from None


def _settled(name: str, node: Node) -> Node:
    return KEYS.child(name).settled(node)


def _check_version(reading: Reading) -> None:
    version = reading.text("version", "")
    if version != "0.1":
        reading.refuse("version", f'unsupported version: "{version}"', "begin the file with  version: 0.1")


def _settings(root: Branch, reading: Reading, environ: Mapping[str, str], flags: Flags) -> Settings:
    address, port = _address(reading, flags)
    directory = _directory(root, reading, environ, flags)
    database = reading.text("refloat.database", "")
    return Settings(
        address=address,
        port=port,
        root=directory,
        database=Path(database) if database else directory / "refloat" / "refloat.db",
        window=reading.duration("refloat.window", "30d", least="1ms"),
        lease=reading.duration("refloat.lease", "24h", least="1ms"),
        graveyard=reading.duration("refloat.graveyard", "24h", least="1ms"),
        uploads_idle=reading.duration("refloat.uploads.idle", "24h", least="1ms"),
        receive_timeout=reading.duration("refloat.receive.timeout", "60s", least="1ms"),
        receive_rate=reading.count("refloat.receive.rate", 256, least=0),
        send_timeout=reading.duration("refloat.send.timeout", "5m", least="1ms"),
        collect_interval=reading.duration("refloat.collect.interval", "1m", least="1ms"),
        history_keep=reading.duration("refloat.history.keep", "400d", least="1ms"),
        drain_timeout=reading.duration("http.draintimeout", "30s", least="0s"),
        workers=reading.count("refloat.workers", _workers(), least=1),
        reserve=reading.share("refloat.reserve", 0.01),
        timetravel_prefix=reading.name_part("refloat.timetravel.prefix", "at"),
        delete_enabled=reading.flag("storage.delete.enabled", default=True),
        protect=reading.patterns("refloat.protect"),
        catalog_max=reading.maximum("catalog.maxentries", 1000),
        tags_max=reading.maximum("tags.maxtags", 1000),
        headers=_headers(reading),
        relative_urls=reading.flag("http.relativeurls", default=None),
        host=_host(reading),
        prefix=_prefix(reading),
        log_level=_level(reading),
        log_formatter=cast("Formatter", reading.one_of("log.formatter", "text", FORMATTERS)),
        log_fields=reading.words("log.fields"),
        access_log=not reading.flag("log.accesslog.disabled", default=False),
    )


def _level(reading: Reading) -> Level:
    old = reading.one_of("loglevel", "info", LEVELS)
    return cast("Level", reading.one_of("log.level", old, LEVELS))


def _headers(reading: Reading) -> Mapping[str, Sequence[str]]:
    headers = reading.lists("http.headers")
    for problem in problems_of(headers):
        reading.refuse(problem.key, problem.sentence)
    return headers


def _host(reading: Reading) -> str:
    host = reading.text("http.host", "").rstrip("/")
    if host and not is_server(host):
        reading.refuse("http.host", f"must be a server's address, such as https://registry.example.com, not {host!a}")
    return host


def _prefix(reading: Reading) -> str:
    prefix = reading.text("http.prefix", "/")
    if not prefix.startswith("/"):
        reading.refuse("http.prefix", f"must begin with /, not {prefix!a}")
    elif not is_path(prefix):
        reading.refuse("http.prefix", f"must be the path of an address, such as /registry/, not {prefix!a}")
    return prefix if prefix.endswith("/") else f"{prefix}/"


def _address(reading: Reading, flags: Flags) -> tuple[str, int]:
    network = reading.text("http.net", "tcp")
    if network != "tcp" and flags.listen is None:
        reading.refuse(
            "http.net", f"only tcp is spoken, not {network!r}: a port would be open where none was wanted",
            "--listen 127.0.0.1:5000 says which port",
        )  # fmt: skip
        return "", 0
    key = "--listen" if flags.listen is not None else "http.addr"
    said = flags.listen if flags.listen is not None else reading.text("http.addr", DEFAULT_ADDRESS)
    try:
        return split(said)
    except ValueError as problem:
        reading.refuse(key, str(problem), "such as 127.0.0.1:5000, or :5000 for every interface")
        return "", 0


def _directory(root: Branch, reading: Reading, environ: Mapping[str, str], flags: Flags) -> Path:
    """Return where images are kept: told, or where distribution keeps them, or in the user's home."""
    if flags.root is not None:
        return flags.root.absolute()
    fallback = DISTRIBUTIONS_ROOT if find(root, "storage.filesystem") is not None else _home(reading, environ)
    return Path(reading.text("storage.filesystem.rootdirectory", fallback)).absolute()


def _home(reading: Reading, environ: Mapping[str, str]) -> str:
    data, home = environ.get("XDG_DATA_HOME", ""), environ.get("HOME", "")
    if not (data or home):
        reading.refuse("root", "there is no home directory to keep images in", "--root DIR says where")
        return "/nonexistent"
    return str(Path(data or Path(home) / ".local" / "share") / "refloat")


def _workers() -> int:
    return max(1, len(os.sched_getaffinity(0)) // 2)
