"""`refloat history`: from which past it begins, and what each change changed."""

import json
from pathlib import Path

from refloat.cli.differences import lines
from tests.cli.conftest import Shell
from tools.content import CONFIG, LAYER, MANIFEST, Content, Part
from tools.serving import Served


def push(served: Served, repository: str, tag: str, version: str, layer: bytes) -> str:
    """Push an image of two layers; return its short digest."""
    config = Part(CONFIG, json.dumps({"os": "linux", "architecture": "amd64", "config": {"Cmd": [version]}}).encode())
    layers = [Part(LAYER, b"the same"), Part(LAYER, layer)]
    for part in (config, *layers):
        served.wire.push_blob(repository, part)
    body = {
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config.descriptor(),
        "layers": [part.descriptor() for part in layers],
    }  # fmt: skip
    manifest = Part(MANIFEST, json.dumps(body).encode())
    served.wire.push_manifest(repository, tag, manifest)
    return manifest.digest[7:19]


def rows(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.splitlines()]


def test_history_begins_with_the_past_that_was_asked_for(
    shell: Shell, registry: Served, contents: tuple[Content, Content]
) -> None:
    name = "history/past"
    registry.wire.push(name, "v1", contents[0])
    registry.wire.push(name, "v1", contents[1])
    shell("rm", f"{name}:v1")
    whole = rows(shell("history", f"{name}:v1").out)
    assert [row[0] for row in whole] == ["@{0}", "@{1}", "@{2}"]
    assert rows(shell("history", f"{name}:v1@{{1}}").out) == whole[1:]
    assert rows(shell("history", f"{name}:v1@{{1}}", "-l", "1").out) == whole[1:2]
    assert rows(shell("history", f"{name}:v1@{{{whole[2][1]}}}").out) == whole[2:]
    assert rows(shell("history", f"{name}@{{{whole[2][1]}}}").out) == whole[2:]
    assert rows(shell("history", f"{name}:v1", "--since", whole[1][1]).out) == whole[:2]
    assert shell("history", f"{name}:v1", "--since", "2999-01-01").out == ""
    beyond = shell("history", f"{name}:v1@{{99999999999999999999}}")
    assert beyond.code == 6
    assert beyond.err.splitlines()[-1] == f"  hint: refloat history {name}:v1   shows what there was"
    assert shell("history", f"{name}:v1@{{2001-01-01}}").code == 6
    assert shell("history", f"{name}@{{1}}").code == 2
    assert shell("history", f"{name}:v1@{{once}}").code == 2
    assert shell("show", f"{name}:v1@{{1}}").code == 2


def test_diff_says_what_each_change_changed(shell: Shell, registry: Served) -> None:
    name = "history/diff"
    first = push(registry, name, "v1", "old", b"a layer")
    second = push(registry, name, "v1", "new", b"another layer")
    told = shell.on_terminal("history", f"{name}:v1", "--diff", "--color", "never").out.splitlines()
    assert f"moved {first} → {second}" in told[2]
    assert told[3:7] == [
        "      size  83 B → 89 B, 81 B of it new",
        "      linux/amd64  1 layer stays, 1 new (13 B), 1 gone (7 B)",
        '        Cmd  ["old"] → ["new"]',
        told[6],
    ]
    assert f"created {first}" in told[6]
    assert len(told) == 7
    lines = rows(shell("history", f"{name}:v1", "--diff").out)
    assert [row[9:] for row in lines] == [["83", "89", "81"], ["", "", ""]]
    document = json.loads(shell("history", f"{name}:v1", "--diff", "--json").out)
    assert document["history"][0]["comparison"]["images"][0]["config"][0]["name"] == "Cmd"
    assert document["history"][1]["comparison"] is None


def test_diff_says_what_is_gone_which_platforms_came_and_that_there_is_more() -> None:
    moved = {"old": "sha256:aa", "new": "sha256:bb"}
    assert list(lines({**moved, "comparison": None})) == ["      one of the two is gone for good"]
    assert list(lines({"old": None, "new": "sha256:bb", "comparison": None})) == []
    image = {
        "platform": None, "layers_kept": 1, "layers_added": [], "layers_removed": [],
        "config": [{"name": "Env.LONG", "old": None, "new": "x" * 60}], "config_total": 1201,
    }  # fmt: skip
    same = {**image, "config": [], "config_total": 0}
    comparison = {
        "old": {"size": 2048}, "new": {"size": 1024}, "added_bytes": 0,
        "platforms_added": ["linux/s390x"], "platforms_removed": ["linux/386"],
        "images": [image, same], "images_total": 102,
    }  # fmt: skip
    assert list(lines({**moved, "comparison": comparison})) == [
        "      size  2.0 KiB → 1.0 KiB, 0 B of it new",
        "      + linux/s390x",
        "      - linux/386",
        "      image  1 layer stays",
        f'        Env.LONG  (nothing) → "{"x" * 46}…',
        "        and 1,200 more",
        "        and 100 more",
    ]


def test_diff_hides_what_is_deleted_until_the_admin_token_is_shown(own: tuple[Served, Shell], tmp_path: Path) -> None:
    served, shell = own
    push(served, "team/api", "v1", "hunter2", b"a layer")
    push(served, "team/api", "v1", "new", b"another layer")
    asked = ("history", "team/api:v1", "--diff", "--color", "never")
    assert '        Cmd  ["hunter2"] → ["new"]' in shell.on_terminal(*asked).out.splitlines()
    shell("rm", "--untagged", "team/api")
    hint = (
        "values of what is deleted are shown with the admin token:"
        "  refloat history team/api:v1 --diff --root DIR   or REFLOAT_ADMIN_TOKEN_FILE"
    )
    told = shell.on_terminal(*asked).out.splitlines()
    assert told[4:6] == ["      linux/amd64  1 layer stays, 1 new (13 B), 1 gone (7 B)", "        3 values are hidden"]
    assert told[-1] == hint
    assert "hunter2" not in "".join(told) + shell(*asked, "--json").out + shell(*asked).out
    root = ("--root", str(served.root))
    shown = shell.on_terminal(*asked, *root).out.splitlines()
    assert shown[5] == '        Cmd  ["hunter2"] → ["new"]'
    assert hint not in shown
    assert "hunter2" in shell(*asked, "--json", *root).out
    shell.environment["REFLOAT_ADMIN_TOKEN_FILE"] = str(served.root / "refloat" / "admin.token")
    assert shell.on_terminal(*asked).out.splitlines()[3:6] == shown[3:6]
    (tmp_path / "guessed").write_text("guessed")
    shell.environment["REFLOAT_ADMIN_TOKEN_FILE"] = str(tmp_path / "guessed")
    refused = shell(*asked)
    assert (refused.code, "needs the admin token" in refused.err) == (4, True)
    missing = shell(*asked, "--root", str(tmp_path))
    assert (missing.code, "cannot be read" in missing.err) == (4, True)


def test_the_admin_token_is_shown_to_nobody_who_hides_nothing(own: tuple[Served, Shell], tmp_path: Path) -> None:
    served, shell = own
    push(served, "team/api", "v1", "old", b"a layer")
    push(served, "team/api", "v1", "new", b"another layer")
    done = shell("history", "team/api:v1", "--diff", "--root", str(tmp_path / "nowhere"))
    assert (done.code, done.err) == (0, "")


def test_no_command_is_offered_for_a_deletion_that_was_taken_back(
    shell: Shell, registry: Served, contents: tuple[Content, Content]
) -> None:
    name = "history/back"
    registry.wire.push(name, "v1", contents[0])
    undone = shell("rm", f"{name}:v1").change
    assert _state(shell, name, undone) == (f"refloat undo {undone}", "until")
    undo = shell("undo").change
    assert _state(shell, name, undone) == (f"undone by {undo}", f"undone by {undo}")
    restored = shell("rm", f"{name}:v1").change
    restore = shell("restore", f"{name}:v1").change
    assert _state(shell, name, restored) == (f"brought back by {restore}", "nothing left")
    replaced = shell("rm", f"{name}:v1").change
    registry.wire.push(name, "v1", contents[1])
    pushed = registry.last_change(name)
    assert _state(shell, name, replaced) == (f"another image since {pushed}", "until")
    assert "undone by" not in shell("trash", "show", replaced).out


def _state(shell: Shell, name: str, change: str) -> tuple[str, str]:
    """Return what history and log say of a change; of a date, that there is one."""
    history = json.loads(shell("history", f"{name}:v1", "--json").out)["history"]
    log = rows(shell("log", "--repo", name).out)
    (said,) = [entry["state_text"] for entry in history if entry["change"] == change]
    (undo,) = [row[7] for row in log if row[0] == change]
    return said, "until" if undo.startswith("until 20") else undo


def test_a_pipe_says_who_made_each_change(shell: Shell, registry: Served, contents: tuple[Content, Content]) -> None:
    registry.wire.push("history/who", "v1", contents[0])
    shell("rm", "history/who:v1")
    assert {row[6] for row in rows(shell("history", "history/who:v1").out)} == {"127.0.0.1"}
    shown = shell.on_terminal("history", "history/who:v1", "--color", "never").out.splitlines()
    assert " refloat " in shown[2]  # people know a program sooner than an address
