"""What people see on a terminal: tables, ages, colours that can be switched off."""

import json
import re

from tests.cli.conftest import Shell, known
from tools.content import Content
from tools.serving import Served

ESCAPE = "\x1b["


def test_tables_of_a_registry(own: tuple[Served, Shell], contents: tuple[Content, Content]) -> None:
    served, shell = own
    served.wire.push("team/api", "v1", contents[0])
    served.wire.push("team/api", "v2", contents[1])
    size = contents[0].size() - sum(len(part.body) for part in (*contents[0].manifests, contents[0].index))
    assert size > 0
    shown = shell.on_terminal("ls", "--color", "never")
    assert re.sub(r"\d[\d.]* [KM]iB", "SIZE", known(shown.out)).splitlines()[1:] == [
        "team/api       2          8  SIZE  AGO",
        "1 repository · SIZE as pulled",
    ]
    assert re.split(r"  +", shown.out.splitlines()[0]) == ["REPOSITORY", "TAGS", "MANIFESTS", "SIZE", "LAST PUSH"]
    images = shell.on_terminal("ls", "team/api", "--color", "never").out.splitlines()
    assert re.split(r"  +", images[0]) == ["TAG", "DIGEST", "PLATFORMS", "SIZE", "PUSHED"]
    assert re.split(r"  +", images[1])[:3] == ["v1", contents[0].index.digest[7:19], "linux/amd64 linux/arm64"]
    assert images[3].startswith("2 images · ")


def test_history_and_trash(own: tuple[Served, Shell], contents: tuple[Content, Content]) -> None:
    served, shell = own
    served.wire.push("team/api", "v1", contents[0])
    served.wire.push("team/api", "v1", contents[1])
    change = shell("rm", "team/api:v1").change
    first, second = contents[0].index.digest[7:19], contents[1].index.digest[7:19]
    history = shell.on_terminal("history", "team/api:v1", "--color", "never").out.splitlines()
    assert history[0] == "team/api:v1 · 3 changes"
    assert f"deleted {second}" in history[2]
    assert history[2].endswith(f"refloat undo {change}")
    assert f"moved {first} → {second}" in history[3]
    assert "in trash until 20" in history[3]
    assert f"created {first}" in history[4]
    trash = shell.on_terminal("trash", "--color", "never").out.splitlines()
    assert re.split(r"  +", trash[0]) == ["ID", "DELETED", "WHAT", "BY", "VIA", "FREES", "EXPIRES"]
    row = re.split(r"  +", trash[1])
    assert (row[0], row[2], row[4], row[6]) == (change, "team/api:v1", "refloat", "in 30 days")
    one = shell.on_terminal("trash", "show", change, "--color", "never").out
    assert f"  team/api:v1  {second} → (nothing)\n" in one


def test_colours_are_for_terminals_and_can_be_switched_off(shell: Shell) -> None:
    assert ESCAPE in shell.on_terminal("show", "colour/none:v1").out
    assert ESCAPE not in shell.on_terminal("show", "colour/none:v1", "--color", "never").out
    assert ESCAPE not in shell("show", "colour/none:v1").err
    assert ESCAPE in shell("show", "colour/none:v1", "--color", "always").err
    shell.environment["NO_COLOR"] = "1"
    assert ESCAPE not in shell.on_terminal("show", "colour/none:v1").out
    del shell.environment["NO_COLOR"]
    shell.environment["TERM"] = "dumb"
    assert ESCAPE not in shell.on_terminal("show", "colour/none:v1").out
    shell.environment["FORCE_COLOR"] = "1"
    assert ESCAPE in shell("show", "colour/none:v1").err


def test_empty_lists_are_fine(own: tuple[Served, Shell]) -> None:
    shell = own[1]
    assert shell("ls").code == 0
    assert shell("ls").out == ""
    assert shell("trash").out == ""
    assert shell.on_terminal("trash", "--color", "never").out == "Nothing is in the trash.\n"


def test_what_others_wrote_cannot_write_over_the_screen(
    own: tuple[Served, Shell], contents: tuple[Content, Content]
) -> None:
    served, shell = own
    served.wire.push("ev/il", "v1", contents[0])
    reason = "a slip\x1b[1A\x1b[2KID forged\nnext\x9b\x00"
    body = json.dumps({"images": ["ev/il:v1"], "reason": reason}).encode()
    change = served.wire.ask("POST", "/v2/_refloat/v1/remove", body).expect(201).headers["refloat-change"]
    for words in (["log"], ["trash"], ["trash", "show", change], ["log", "--jsonl"], ["trash", "--json"], ["undo"]):
        for done in (shell(*words), shell.on_terminal(*words, "--color", "never")):
            assert not set("\x1b\x00\x07\x9b\x7f") & set(done.out + done.err), words
    assert "a slip\\x1b[1A\\x1b[2KID forged\\nnext" in shell.on_terminal("trash", "show", change).out
