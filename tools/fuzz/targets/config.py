"""config.yml: the one a registry had before, or one with our keys, and much that is neither."""

from pathlib import Path
from random import Random

from tools.fuzz import growing
from tools.fuzz.target import Target, Try, Verdict, must

SLOWEST = 0.250
SCALED, HOMELESS, ROOTED = b"# scaled\n", b"# homeless\n", b"# rooted\n"  # how a text says how it is used
SCALE = 300 * 1024  # times a text is repeated
KEYS = (
    "version", "storage", "filesystem", "rootdirectory", "delete", "enabled", "http", "addr", "headers", "net", "host",
    "prefix", "relativeurls", "draintimeout", "refloat", "window", "lease", "graveyard", "uploads", "idle", "collect",
    "interval", "workers", "reserve", "protect", "timetravel", "history", "keep", "receive", "timeout", "database",
    "log", "level", "formatter", "fields", "accesslog", "disabled", "auth", "htpasswd", "proxy", "s3", "tls", "catalog",
    "maxentries", "tags", "maxtags", "cache", "maintenance", "readonly", "middleware", "notifications", "compatibility",
    "X-A", "loglevel", "debug", "redis", "health", "inmemory", "rfeloat", "windw", "<<", "",
)  # fmt: skip
VALUES = (
    "0.1", "0.2", "/tmp/images", "true", "false", "'yes'", "30d", "1ms", "0s", "-1h", "24", "1%", "101%", "a/b", "tcp",
    "unix", "127.0.0.1:5000", ":5000", "x:99999", "[a, b]", "[]", "{}", "~", "info", "json", "team/**:v*", "'**'",
    '"a\\nb"', "*x", "&x 1", "!!binary aGk=", "é", "x\n---\ny", "&a {b: c}\n  z: *a", "9" * 30, "at", "[[[[]]]]", "https://registry.example.com",
)  # fmt: skip
SECTIONS: dict[str, tuple[str, ...]] = {
    "storage": ("filesystem", "delete", "cache", "maintenance", "s3", "inmemory", "redirect"),
    "http": ("addr", "headers", "net", "host", "prefix", "relativeurls", "draintimeout", "tls", "http2", "secret"),
    "refloat": (
        "window", "lease", "graveyard", "uploads", "collect", "workers", "reserve", "protect", "timetravel", "history",
        "receive", "database",
    ),
    "log": ("level", "formatter", "fields", "accesslog"),
    "catalog": ("maxentries",),
    "tags": ("maxtags",),
}  # fmt: skip


def grow(dice: Random) -> bytes:
    """Return something like a configuration."""
    chance = dice.random()
    if chance < 0.002:
        return growing.long_of(dice, ("- a\n", "a: b\n", "[", "{a: ", "&a [*a, ", "x: &x [1]\n", "? ")).encode()
    if chance < 0.004:
        return _bomb(dice).encode()
    if chance < 0.006:
        depth = dice.randrange(1, 120)
        return f"a: &a {'[' * depth}{{b: c}}{']' * depth}\nd: {'[' * depth}*a{']' * depth}".encode()
    if chance < 0.0062:
        return SCALED + dice.choice((b"a", b"- a\n", b"a: b\n"))
    lines = [dice.choice((HOMELESS, ROOTED)).decode().strip()] if dice.random() < 0.1 else []
    lines += ["version: 0.1"] if dice.random() < 0.97 else [f"version: {dice.choice(VALUES)}"]
    for _ in range(dice.randrange(4)):
        section = dice.choice(list(SECTIONS))
        lines.append(f"{section}:")
        lines += _section(dice, section)
    return "\n".join(lines).encode()


def _section(dice: Random, section: str) -> list[str]:
    lines = []
    for _ in range(1 + dice.randrange(3)):
        key = dice.choice(SECTIONS[section]) if dice.random() < 0.9 else dice.choice(KEYS)
        if dice.random() < 0.4:
            lines += [f"  {key}:", f"    {dice.choice(KEYS)}: {dice.choice(VALUES)}"]
        else:
            lines.append(f"  {key}: {dice.choice(VALUES)}")
    return lines


def _bomb(dice: Random) -> str:
    width, depth = 2 + dice.randrange(9), 2 + dice.randrange(12)
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, depth)]
    return "\n".join(["version: 0.1", *lines])


def alter(dice: Random, data: bytes) -> bytes:
    """Splice keys, values and marks into a configuration."""
    key, said = f"\n  {dice.choice(KEYS)}: ", f" {dice.choice(VALUES)}\n"
    return growing.spliced(dice, data, (key, said, "\n", ": ", "&a ", "*a", "- ", "  "))


def environ(data: bytes) -> dict[str, str]:
    """Return variables: a home or none, and sometimes a value that is the text of the file itself."""
    found = {} if data.startswith(HOMELESS) else {"HOME": "/tmp"}
    if data.startswith(SCALED):
        said = data.replace(b"\x00", b"").decode("utf-8", "replace")
        found["REGISTRY_REFLOAT_PROTECT"] = said * (SCALE if len(said) > 1 else 1)
    return found


def open_(place: Path) -> Try:
    """Return what reads a file as `serve --check-config` does."""
    from refloat.settings.load import Flags, load
    from refloat.settings.values import SettingsRefused

    path = place / "config.yml"

    def attempt(data: bytes) -> Verdict:
        path.write_bytes(data * (SCALE if data.startswith(SCALED) else 1))
        try:
            load(path, environ(data), Flags(root=place) if data.startswith(ROOTED) else None)
            load(None, environ(data))
        except SettingsRefused as problem:
            must(problem.refusals, data)
            is_yaml = all("is not YAML" not in refusal.sentence for refusal in problem.refusals)
            return "refused" if is_yaml else "syntax"
        return "accepted"

    return attempt


TARGET = Target(
    name="config",
    modules=("refloat.settings.load", "refloat.settings.parsing"),
    grow=grow,
    alter=alter,
    open=open_,
    planted=("refloat.settings.parsing", "read"),
    slowest=SLOWEST,
)
