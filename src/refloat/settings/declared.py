"""Every key refloat knows, and what becomes of it. `docs/configuration.md` has the same table."""

from refloat.settings.keys import Declared, Kind, Treatment, grow

SECTION, MAP, NAMED, LISTS, LIST, PLAIN, ANY = Kind


def _works(path: str, kind: Kind = PLAIN) -> Declared:
    return Declared(path, kind, Treatment.HONOURED)


def _idle(path: str, why: str, kind: Kind = ANY, variable: str = "") -> Declared:
    return Declared(path, kind, Treatment.IGNORED, why, variable=variable)


def _stops(path: str, why: str, hint: str, kind: Kind = ANY) -> Declared:
    return Declared(path, kind, Treatment.REFUSED, why, hint)


_INDEX = "accepted, no effect: refloat keeps its own index"
_LATER = "accepted, no effect yet"

DISTRIBUTION = (
    _works("version"),
    _works("log.accesslog.disabled"),
    _works("log.level"),
    _works("log.formatter"),
    _works("log.fields", MAP),
    _idle("log.hooks", "accepted, no effect: no mail is sent", LIST),
    _idle("log.reportcaller", "accepted, no effect", PLAIN),
    _works("loglevel"),
    _works("storage", NAMED),
    _works("storage.filesystem", MAP),
    _works("storage.filesystem.rootdirectory"),
    _idle("storage.filesystem.maxthreads", "accepted, no effect: there is no such limit", PLAIN),
    _works("storage.delete", MAP),
    _works("storage.delete.enabled"),
    _idle("storage.cache", _INDEX),
    _idle("storage.redirect", "accepted, no effect: blobs are always served from here", MAP),
    _idle("storage.tag", "accepted, no effect: tags need no look-ups in parallel", MAP),
    _works("storage.maintenance", MAP),
    _idle(
        "storage.maintenance.uploadpurging",
        "accepted, no effect: an upload ends when it was idle for refloat.uploads.idle",
    ),
    _stops(
        "storage.maintenance.readonly",
        "refloat cannot refuse writes yet, so what must not change could be changed",
        "take it out, or keep the old registry running until the maintenance is over",
    ),
    _stops(
        "auth",
        "refloat has no access control yet: anybody who reaches the port could push and delete",
        "let a proxy in front check passwords, listen on 127.0.0.1, and take the section out",
        NAMED,
    ),
    _stops(
        "middleware",
        "refloat runs no middleware, so what it checks or redirects would be skipped",
        "take the section out, or set disabled: true on each entry",
        LISTS,
    ),
    _idle("reporting", "accepted, no effect: nothing is reported to anybody"),
    _works("http.addr"),
    _works("http.net"),
    _works("http.host"),
    _works("http.prefix"),
    _idle("http.secret", "accepted, no effect: uploads are remembered in the database", PLAIN),
    _works("http.relativeurls"),
    _works("http.draintimeout"),
    _stops(
        "http.tls",
        "refloat does not speak TLS yet: passwords and images would cross the network in the open",
        "let a proxy in front end TLS, listen on 127.0.0.1, and take the section out",
        SECTION,
    ),
    *(
        Declared(f"http.tls.{name}", kind, Treatment.HONOURED)
        for name, kind in (
            ("certificate", PLAIN), ("key", PLAIN), ("clientcas", LIST), ("clientauth", PLAIN),
            ("minimumtls", PLAIN), ("ciphersuites", LIST), ("letsencrypt", ANY),
        )
    ),
    _works("http.headers", LISTS),
    _idle("http.debug", "accepted, no effect yet: there is no debug address and no metrics"),
    _idle("http.http2", "accepted, no effect: HTTP/1.1 is spoken, which every client does"),
    _idle("http.h2c", "accepted, no effect: HTTP/1.1 is spoken, which every client does"),
    _idle("notifications.events", f"{_LATER}: no notifications are sent", variable="EVENTCONFIG"),
    _idle("notifications.endpoints", f"{_LATER}: NO NOTIFICATIONS ARE SENT to these endpoints", LIST),
    _idle("redis", _INDEX),
    _idle("health", "accepted, no effect: a disk that cannot be written answers 503 or 507 by itself"),
    _works("catalog.maxentries"),
    _works("tags.maxtags"),
    _stops(
        "proxy",
        "refloat is no pull-through cache yet: it would be an empty registry that anybody may push to",
        "take the section out to serve images of its own",
        SECTION,
    ),
    *(
        Declared(f"proxy.{name}", PLAIN, Treatment.HONOURED)
        for name in ("remoteurl", "username", "password", "ttl")
    ),
    Declared("proxy.exec", ANY, Treatment.HONOURED),
    _idle("compatibility", "accepted, no effect: Docker schema 1 is not taken, what is stored of it is served"),
    _idle("validation.enabled", "accepted, no effect", PLAIN),
    _idle("validation.disabled", "accepted, no effect", PLAIN),
    _idle(
        "validation.manifests.indexes",
        "accepted, no effect: an index may be pushed before its images",
    ),
    _stops(
        "validation.manifests.urls",
        "refloat does not check the addresses in manifests yet: what these rules bar would be let in",
        "take the rules out, if manifests may name layers kept elsewhere",
    ),
    _idle("policy", "accepted, no effect"),
)

OURS = (
    _works("refloat.window"),
    _works("refloat.lease"),
    _works("refloat.graveyard"),
    _works("refloat.uploads.idle"),
    _works("refloat.receive.timeout"),
    _works("refloat.receive.rate"),
    _works("refloat.send.timeout"),
    _works("refloat.collect.interval"),
    _works("refloat.workers"),
    _works("refloat.database"),
    _works("refloat.history.keep"),
    _works("refloat.reserve"),
    _works("refloat.timetravel.prefix"),
    _idle("refloat.retention", f"{_LATER}: nothing is ever removed by a rule"),
    _works("refloat.protect", LIST),
)

TABLE = (*DISTRIBUTION, *OURS)
KEYS = grow(TABLE)
