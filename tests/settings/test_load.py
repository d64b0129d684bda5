"""From a configuration to settings: what works."""

from collections.abc import Callable
from pathlib import Path

import pytest

from refloat.core.patterns import ImagePattern
from refloat.settings import Flags, Loaded, SettingsRefused, load

Load = Callable[..., Loaded]
SECOND = 1_000_000
DAY = 86_400 * SECOND
ARTICLE = """\
version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/registry
  delete:
    enabled: true
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
"""


def test_nothing_needs_to_be_configured() -> None:
    settings = load(None, {"HOME": "/home/ann"}).settings
    assert (settings.address, settings.port) == ("127.0.0.1", 5000)
    assert settings.root == Path("/home/ann/.local/share/refloat")
    assert settings.database == Path("/home/ann/.local/share/refloat/refloat/refloat.db")
    assert (settings.window, settings.lease, settings.graveyard) == (30 * DAY, DAY, DAY)
    assert (settings.uploads_idle, settings.collect_interval) == (DAY, 60 * SECOND)
    assert (settings.history_keep, settings.drain_timeout) == (400 * DAY, 30 * SECOND)
    assert (settings.reserve, settings.timetravel_prefix) == (0.01, "at")
    assert settings.workers >= 1
    assert settings.delete_enabled
    assert (settings.catalog_max, settings.tags_max) == (1000, 1000)
    assert (settings.log_level, settings.log_formatter, settings.access_log) == ("info", "text", True)


def test_the_configuration_distribution_ships_works(loading: Load) -> None:
    loaded = loading(ARTICLE)
    settings = loaded.settings
    assert (settings.address, settings.port) == ("", 5000)
    assert settings.root == Path("/var/lib/registry")
    assert settings.headers == {"X-Content-Type-Options": ("nosniff",)}
    assert settings.log_fields == {"service": "registry"}
    assert settings.delete_enabled
    assert [notice.key for notice in loaded.notices] == ["storage.cache", "health"]
    assert all("no effect" in notice.sentence for notice in loaded.notices)


def test_the_home_for_data_is_the_one_the_desktop_names() -> None:
    settings = load(None, {"HOME": "/home/ann", "XDG_DATA_HOME": "/data"}).settings
    assert settings.root == Path("/data/refloat")


def test_without_a_home_the_root_must_be_said() -> None:
    with pytest.raises(SettingsRefused) as refused:
        load(None, {})
    assert [refusal.hint for refusal in refused.value.refusals] == ["--root DIR says where"]
    assert load(None, {}, Flags(root=Path("/srv/images"))).settings.root == Path("/srv/images")


def test_the_filesystem_driver_without_a_directory_means_distributions(loading: Load) -> None:
    assert loading("storage: filesystem").settings.root == Path("/var/lib/registry")
    assert loading(None, {"REGISTRY_STORAGE": "filesystem"}).settings.root == Path("/var/lib/registry")


def test_the_command_line_goes_first(loading: Load) -> None:
    settings = loading(ARTICLE, None, Flags(root=Path("/srv/images"), listen="127.0.0.1:0")).settings
    assert (settings.root, settings.address, settings.port) == (Path("/srv/images"), "127.0.0.1", 0)


def test_the_environment_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    path.write_text("version: 0.1\nhttp: {addr: '[::1]:6000'}")
    settings = load(None, {"HOME": "/home/ann", "REGISTRY_CONFIGURATION_PATH": str(path)}).settings
    assert (settings.address, settings.port) == ("::1", 6000)


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("loglevel: DEBUG", "log_level", "debug"),
        ("log: {level: warn}\nloglevel: debug", "log_level", "warn"),
        ("log: {formatter: json}", "log_formatter", "json"),
        ("log: {accesslog: {disabled: true}}", "access_log", False),
        ("log: {fields: {n: 1, on: yes}}", "log_fields", {"n": "1", "on": "yes"}),
        ("http: {addr: ':80'}", "address", ""),
        ("http: {addr: '0.0.0.0:80'}", "address", "0.0.0.0"),
        ("http: {addr: '127.0.0.1:0'}", "port", 0),
        ("http: {net: tcp}", "port", 5000),
        ("http: {draintimeout: 2m}", "drain_timeout", 120 * SECOND),
        ("http: {draintimeout: 60000000000}", "drain_timeout", 60 * SECOND),
        ("http: {draintimeout: 0}", "drain_timeout", 0),
        ("http: {relativeurls: false}", "relative_urls", False),
        ("http: {relativeurls: true}", "relative_urls", True),
        ("http: {host: 'https://reg.example.com/'}", "host", "https://reg.example.com"),
        ("http: {prefix: /registry}", "prefix", "/registry/"),
        ("http: {headers: {A: b}}", "headers", {"A": ("b",)}),
        ("storage: {delete: {enabled: false}}", "delete_enabled", False),
        ("storage: {delete: {enabled: 'false'}}", "delete_enabled", False),
        ("storage: {delete: }", "delete_enabled", True),
        ("storage: {filesystem: {rootdirectory: /srv}}", "root", Path("/srv")),
        ("catalog: {maxentries: 5}", "catalog_max", 5),
        ("catalog: {maxentries: -1}", "catalog_max", 1000),
        ("tags: {maxtags: 7}", "tags_max", 7),
        ("refloat: {window: 60d}", "window", 60 * DAY),
        ("refloat: {lease: 2h, graveyard: 3h}", "graveyard", 3 * 3600 * SECOND),
        ("refloat: {uploads: {idle: 1h}}", "uploads_idle", 3600 * SECOND),
        ("refloat: {collect: {interval: 5s}}", "collect_interval", 5 * SECOND),
        ("refloat: {receive: {timeout: 5s}}", "receive_timeout", 5 * SECOND),
        ("refloat: {workers: 3}", "workers", 3),
        ("refloat: {database: /fast/refloat.db}", "database", Path("/fast/refloat.db")),
        ("refloat: {history: {keep: 52w}}", "history_keep", 364 * DAY),
        ("refloat: {reserve: 2.5%}", "reserve", 0.025),
        ("refloat: {timetravel: {prefix: past}}", "timetravel_prefix", "past"),
        ("refloat: {protect: ['team/**:v*']}", "protect", (ImagePattern("team/**", "v*"),)),
    ],
)
def test_a_key_works(loading: Load, text: str, name: str, value: object) -> None:
    loaded = loading(text)
    assert getattr(loaded.settings, name) == value
    assert loaded.notices == ()


@pytest.mark.parametrize(
    ("text", "key", "sentence"),
    [
        ("version: 0.2", "version", 'unsupported version: "0.2"'),
        ("version: ''", "version", 'unsupported version: ""'),
        ("log: {level: loud}", "log.level", "one of"),
        ("log: {formatter: xml}", "log.formatter", "one of"),
        ("http: {addr: 5000}", "http.addr", "no port"),
        ("http: {addr: '::1:5000'}", "http.addr", "brackets"),
        ("http: {addr: 'localhost:99999'}", "http.addr", "no port between"),
        ("http: {draintimeout: soon}", "http.draintimeout", "not a duration"),
        ("http: {draintimeout: -1s}", "http.draintimeout", "at least 0s"),
        ("http: {prefix: registry}", "http.prefix", "begin with /"),
        ("http: {relativeurls: perhaps}", "http.relativeurls", "true or false"),
        ("http: [1]", "http", "section"),
        ("storage: {delete: {enabled: perhaps}}", "storage.delete.enabled", "true or false"),
        ("catalog: {maxentries: many}", "catalog.maxentries", "whole number"),
        ("refloat: {window: 30}", "refloat.window", "without a unit is nanoseconds"),
        ("refloat: {window: 0}", "refloat.window", "at least 1ms"),
        ("refloat: {workers: 0}", "refloat.workers", "at least 1"),
        ("refloat: {reserve: 5}", "refloat.reserve", "such as 1%"),
        ("refloat: {timetravel: {prefix: A/../b}}", "refloat.timetravel.prefix", "one part of a repository's name"),
        ("refloat: {timetravel: {prefix: at/past}}", "refloat.timetravel.prefix", "such as at, not 'at/past'"),
        ("refloat: {timetravel: {prefix: [at]}}", "refloat.timetravel.prefix", "one plain value"),
        ("refloat: {windw: 90d}", "refloat.windw", "did you mean window?"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(loading: Load, text: str, key: str, sentence: str) -> None:
    with pytest.raises(SettingsRefused) as refused:
        loading(text)
    [refusal] = refused.value.refusals
    assert refusal.key == key
    assert sentence in refusal.sentence
    assert "config.yml" in refusal.origin


def test_a_number_without_a_unit_is_pointed_out(loading: Load) -> None:
    loaded = loading("http: {draintimeout: 60}")
    assert loaded.settings.drain_timeout == 0
    assert "60 is read as nanoseconds" in loaded.notices[0].sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("[1, 2]", "is not a mapping"), ("a: [", "is not YAML: line"), ("a: *b", "is not YAML: line")],
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "config.yml"
    path.write_text(text)
    with pytest.raises(SettingsRefused, match=sentence):
        load(path, {})


def test_a_key_that_is_said_twice_is_refused_with_both_lines(loading: Load) -> None:
    with pytest.raises(SettingsRefused) as refused:
        loading("refloat:\n  window: 30d\n  lease: 1d\n  window: 1h")
    [refusal] = refused.value.refusals
    assert refusal.key == "window"
    assert refusal.sentence == "'window' is said twice, in line 3 and in line 5; say it once"
    assert refusal.origin.endswith("config.yml")


def test_a_variable_that_says_a_key_twice_is_refused(loading: Load) -> None:
    with pytest.raises(SettingsRefused, match="'window' is said twice, in line 1 and in line 1"):
        loading("version: 0.1", {"REGISTRY_REFLOAT": "{window: 1d, window: 2d}"})


def test_what_is_merged_in_is_not_said_twice(loading: Load) -> None:
    text = "common: &ours {window: 1d, lease: 2h}\nrefloat: {<<: *ours, window: 3d}"
    settings = loading(text).settings
    assert (settings.window, settings.lease) == (3 * 86_400_000_000, 2 * 3_600_000_000)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match="cannot be read: No such file"):
        load(tmp_path / "config.yml", {})


def test_every_reason_is_told_at_once(loading: Load) -> None:
    with pytest.raises(SettingsRefused) as refused:
        loading("http: {addr: x}\nrefloat: {window: soon}", {"REGISTRY_AUTH": "htpasswd"})
    assert [refusal.key for refusal in refused.value.refusals] == ["auth", "http.addr", "refloat.window"]


@pytest.mark.parametrize(
    ("text", "key", "meant"),
    [
        ("htpp: {addr: ':80'}", "htpp", "did you mean http?"),
        ("http: {adr: ':80'}", "http.adr", "did you mean addr?"),
        ("storage: {filesystem: {rootdir: /a}}", "storage.filesystem.rootdir", "did you mean rootdirectory?"),
        ("quite: {another: thing}", "quite", "unknown key, ignored"),
    ],
)
def test_an_unknown_key_warns(loading: Load, text: str, key: str, meant: str) -> None:
    [notice] = loading(text).notices
    assert notice.key == key
    assert meant in notice.sentence
