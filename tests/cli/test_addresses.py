"""The command line asks nothing of a server but what the table of addresses declares."""

import re
from urllib.parse import parse_qsl, unquote, urlsplit

from refloat.web.management_addresses import ADDRESSES
from refloat.web.management_queries import Query, parameters
from refloat.web.management_table import Address
from tests.cli.conftest import Shell
from tools.content import Content
from tools.serving import Served, wait_until

API = "/v2/_refloat/v1/"
READING = (
    "ls", "ls team/api", "ls team/api --untagged", "show team/api:v1", "history team/api", "history team/api:v1 --diff",
    "log", "log --repo team/api", "du", "du --by layer", "du --by repo", "du --by tag team/api", "trash",
    "trash show CHANGE",
)  # fmt: skip
WRITING = (
    "rm -n team/api:v1", "undo -n CHANGE", "restore -n team/api:v1@{1}", "purge -n team/api:v1", "purge --list",
    "gc -n",
)  # fmt: skip


def asked(served: Served) -> list[tuple[str, str]]:
    """Return the requests that the command line made, by the server's access log."""
    log = served.log.read_text(errors="replace")
    return re.findall(r'"(GET|POST) (\S+) HTTP/[\d.]+" \d+ \S+ "[^"]*" "refloat/', log)


def declared(method: str, target: str) -> Address | None:
    """Return the address that a request is for, if its parameters are declared too."""
    split = urlsplit(target)
    path, said = unquote(split.path), {name for name, _ in parse_qsl(split.query, keep_blank_values=True)}
    for address in ADDRESSES:
        form = re.sub(r"{(\w+)(:path)?}", lambda match: ".+" if match[2] else "[^/]+", address.path)
        if address.method == method and re.fullmatch(API.rstrip("/") + form, path):
            known = set(parameters(address.asked)) if issubclass(address.asked, Query) else set()
            return address if said <= known else None
    return None


def test_verbs_ask_only_what_is_declared(own: tuple[Served, Shell], contents: tuple[Content, Content]) -> None:
    served, shell = own
    served.wire.push("team/api", "v1", contents[0])
    served.wire.push("team/api", "v1", contents[1])
    served.wire.push("team/api", "v2", contents[0])
    shell.environment["REFLOAT_ADMIN_TOKEN_FILE"] = str(served.root / "refloat" / "admin.token")
    change = shell("rm", "team/api:v2").change
    for line in (*READING, *WRITING):
        done = shell(*(change if word == "CHANGE" else word for word in line.split()))
        assert done.code == 0, f"refloat {line}\n{done.err}"
    wait_until(lambda: "/purges" in served.log.read_text(errors="replace"), 60.0, served.tail)
    requests = asked(served)
    assert [request for request in requests if declared(*request) is None] == []
    assert len({declared(*request) for request in requests}) >= len(READING)


def test_every_verb_that_asks_a_server_is_looked_at(shell: Shell) -> None:
    verbs = re.findall(r"^  ([a-z]+)  +[A-Z]", shell("--help").out, re.MULTILINE)
    asking = {verb for verb in verbs if "--host" in shell(verb, "--help").out}
    assert asking == {line.split()[0] for line in (*READING, *WRITING)}
