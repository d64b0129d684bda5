"""Keys that stop the start, and keys that are told to have no effect."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from refloat.settings import Loaded, SettingsRefused
from refloat.settings.declared import TABLE
from refloat.settings.keys import Treatment

Load = Callable[..., Loaded]

REFUSED = [
    ("auth", "auth: {htpasswd: {realm: basic, path: /htpasswd}}"),
    ("auth", "auth: {token: {realm: 'https://auth'}}"),
    ("auth", "auth: {silly: }"),
    ("auth", "auth: htpasswd"),
    ("http.tls", "http: {tls: {certificate: /a.crt, key: /a.key}}"),
    ("http.tls", "http: {tls: {letsencrypt: {cachefile: /a}}}"),
    ("http.net", "http: {net: unix, addr: /run/registry.sock}"),
    ("proxy", "proxy: {remoteurl: 'https://registry-1.docker.io'}"),
    ("storage.s3", "storage: {s3: {bucket: images}}"),
    ("storage.gcs", "storage: {gcs: {bucket: images}}"),
    ("storage.azure", "storage: {azure: {container: images}}"),
    ("storage.inmemory", "storage: inmemory"),
    ("storage.filesytem", "storage: {filesytem: {rootdirectory: /srv}}"),
    ("storage.maintenance.readonly", "storage: {filesystem: {}, maintenance: {readonly: {enabled: true}}}"),
    ("middleware", "middleware: {storage: [{name: cloudfront, options: {baseurl: 'https://x'}}]}"),
    ("middleware", "middleware: {registry: [{name: a, disabled: true}, {name: b}]}"),
    ("validation.manifests.urls", "validation: {manifests: {urls: {deny: ['.*']}}}"),
]

NO_EFFECT = [
    ("log.hooks", "log: {hooks: [{type: mail, levels: [panic]}]}"),
    ("log.reportcaller", "log: {reportcaller: true}"),
    ("storage.filesystem.maxthreads", "storage: {filesystem: {maxthreads: 100}}"),
    ("storage.cache", "storage: {filesystem: {}, cache: {blobdescriptor: redis}}"),
    ("storage.redirect", "storage: {redirect: {disable: true}}"),
    ("storage.tag", "storage: {tag: {concurrencylimit: 8}}"),
    ("storage.maintenance.uploadpurging", "storage: {maintenance: {uploadpurging: {enabled: false}}}"),
    ("reporting", "reporting: {bugsnag: {apikey: x}}"),
    ("http.secret", "http: {secret: asecret}"),
    ("http.debug", "http: {debug: {addr: ':5001', prometheus: {enabled: true}}}"),
    ("http.http2", "http: {http2: {disabled: true}}"),
    ("http.h2c", "http: {h2c: {enabled: true}}"),
    ("notifications.events", "notifications: {events: {includereferences: true}}"),
    ("notifications.endpoints", "notifications: {endpoints: [{name: a, url: 'https://a'}]}"),
    ("redis", "redis: {addr: 'localhost:6379'}"),
    ("health", "health: {storagedriver: {enabled: true}}"),
    ("compatibility", "compatibility: {schema1: {enabled: true}}"),
    ("validation.enabled", "validation: {enabled: true}"),
    ("validation.disabled", "validation: {disabled: true}"),
    ("validation.manifests.indexes", "validation: {manifests: {indexes: {platforms: all}}}"),
    ("policy", "policy: {repository: {classes: [image]}}"),
    ("refloat.retention", "refloat: {retention: [{keep: {newest: 10}}]}"),
]

SAYS_NOTHING = [
    "auth: {}",
    "auth:",
    "http: {tls: {certificate: '', key: ''}}",
    "proxy: {remoteurl: ''}",
    "storage: {maintenance: {readonly: {enabled: false}}}",
    "middleware: {registry: [{name: a, disabled: true}]}",
    "notifications: {endpoints: [{name: a, disabled: true, url: x}]}",
    "notifications: {endpoints: []}",
    "validation: {manifests: {urls: {allow: []}}}",
    "storage: {cache: {}}",
    "log: {reportcaller: false}",
]


@pytest.mark.parametrize(("key", "text"), REFUSED)
def test_a_dangerous_key_stops_the_start(loading: Load, key: str, text: str) -> None:
    with pytest.raises(SettingsRefused) as refused:
        loading(text)
    [refusal] = refused.value.refusals
    assert refusal.key == key
    assert "config.yml" in refusal.origin
    assert len(refusal.sentence) > 30
    assert refusal.hint


@pytest.mark.parametrize(("key", "text"), NO_EFFECT)
def test_a_harmless_key_is_told_once(loading: Load, key: str, text: str) -> None:
    [notice] = loading(text).notices
    assert notice.key == key
    assert notice.sentence.startswith("accepted, no effect")
    assert "config.yml" in notice.origin


@pytest.mark.parametrize("text", SAYS_NOTHING)
def test_a_key_that_says_nothing_is_passed_over(loading: Load, text: str) -> None:
    assert loading(text).notices == ()


def test_every_declared_key_is_tried() -> None:
    declared = {(row.treatment, row.path) for row in TABLE if row.treatment is not Treatment.HONOURED}
    tried = {(Treatment.REFUSED, key) for key, _ in REFUSED} | {(Treatment.IGNORED, key) for key, _ in NO_EFFECT}
    assert declared <= tried


def test_two_drivers_are_refused_in_distributions_words(loading: Load) -> None:
    with pytest.raises(SettingsRefused) as refused:
        loading("storage: {filesystem: {rootdirectory: /srv}}", {"REGISTRY_STORAGE_S3_BUCKET": "images"})
    [refusal] = refused.value.refusals
    assert refusal.sentence == "must provide exactly one storage type. Provided: [filesystem s3]"
    assert "s3 comes from REGISTRY_STORAGE_S3_BUCKET" in refusal.origin
    assert refusal.hint == "REGISTRY_STORAGE=filesystem replaces the whole section"


def test_a_variable_that_is_refused_is_named(loading: Load) -> None:
    with pytest.raises(SettingsRefused) as refused:
        loading(None, {"REGISTRY_AUTH_HTPASSWD_PATH": "/htpasswd", "REGISTRY_PROXY_REMOTEURL": "https://x"})
    assert [refusal.origin for refusal in refused.value.refusals] == [
        "REGISTRY_AUTH_HTPASSWD_PATH",
        "REGISTRY_PROXY_REMOTEURL",
    ]


def test_services_of_a_cluster_do_not_look_like_dangerous_keys(loading: Load) -> None:
    names = ("REGISTRY_PROXY_PORT", "REGISTRY_PROXY_SERVICE_HOST", "REGISTRY_HTTP_TLS_SERVICE_PORT")
    loaded = loading(None, dict.fromkeys(names, "tcp://10.0.0.1:80"))
    assert sorted(notice.origin for notice in loaded.notices) == sorted(names)


def test_every_key_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` \| (\S[^|]*?) \|", page, flags=re.MULTILINE)
    within_a_section = {row.path for row in TABLE if row.path.startswith(("http.tls.", "proxy."))}
    sections = {"storage", "storage.filesystem", "storage.delete", "storage.maintenance"}
    expected = {
        (row.path, row.treatment.value) for row in TABLE if row.path not in within_a_section | sections
    }
    assert expected <= set(rows)
