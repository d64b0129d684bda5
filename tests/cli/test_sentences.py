"""What is said is true, in good English, and leads somewhere."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.conftest import Serve
from tools.content import Content
from tools.serving import Served, wait_until

API = "/v2/_refloat/v1"
Pair = tuple[Content, Content]
DAY = r"\d{4}-\d\d-\d\d"
MINUTE = r"\d{4}-\d\d-\d\dT\d\d:\d\dZ"


def test_a_restore_after_its_window_says_when_that_ended_and_what_helps(
    tmp_path: Path, serve: Serve, contents: Pair
) -> None:
    served = serve(REGISTRY_REFLOAT_WINDOW="50ms", REGISTRY_REFLOAT_COLLECT_INTERVAL="50ms")
    shell = Shell(tmp_path, served.address)
    served.wire.push("said/gone", "v1", contents[0])
    change = shell("rm", "said/gone:v1").change

    def answer() -> tuple[int, dict[str, object]]:
        got = served.wire.ask("POST", f"{API}/repositories/said/gone/restore", b'{"reference": "v1", "dry_run": true}')
        return got.status, json.loads(got.body)

    wait_until(lambda: answer()[0] == 410, 60, served.tail)
    done = shell("restore", "said/gone:v1")
    error, *gone, hint = done.err.splitlines()
    assert done.code == 6
    assert re.fullmatch(rf"error: said/gone:v1 can no longer be brought back: its window ended on {DAY}", error)
    assert f"  gone  {contents[0].index.digest}" in gone
    assert hint == "  hint: the image may still exist elsewhere; pushing it again brings it back"
    detail = answer()[1]["errors"][0]["detail"]  # type: ignore[index]
    assert (detail["repository"], detail["reference"], detail["change"]) == ("said/gone", "v1", change)
    assert json.loads(shell("log", "--json", "--kind", "rm").out)["changes"][0]["held_until"] == detail["held_until"]
    undone = shell("undo", change).err.splitlines()
    assert re.fullmatch(rf"error: {change} can no longer be taken back: its window ended on {DAY}", undone[0])
    assert (set(gone) <= set(undone[1:-1]), undone[-1]) == (True, hint)


@pytest.fixture
def brief(tmp_path: Path, serve: Serve) -> tuple[Served, Shell]:
    served = serve(REGISTRY_REFLOAT_WINDOW="2h")
    return served, Shell(tmp_path, served.address)


def test_a_window_shorter_than_a_day_is_told_with_its_minute(brief: tuple[Served, Shell], contents: Pair) -> None:
    served, shell = brief
    served.wire.push("said/brief", "v1", contents[0])
    removed = shell("rm", "said/brief:v1")
    assert re.search(rf"^  can be brought back until {MINUTE}$", removed.out, re.MULTILINE)
    assert re.fullmatch(rf"until {MINUTE}", shell("log", "-l", "1").out.split("\t")[7])
    assert re.search(rf"in trash until {MINUTE}", shell.on_terminal("history", "said/brief:v1", "--color", "never").out)
    assert re.search(rf"it can be brought back until {MINUTE}", shell("show", "said/brief:v1").err)


def test_an_undo_of_what_was_partly_purged_names_what_brings_back_the_rest(
    brief: tuple[Served, Shell], contents: Pair
) -> None:
    served, shell = brief
    for tag, content in zip(("v1", "v2"), contents, strict=True):
        served.wire.push("said/purged", tag, content)
    change = shell("rm", "said/purged:v1", "said/purged:v2").change
    digest = contents[0].signature.digest
    asked = shell("purge", f"said/purged@{digest}", "--yes", "--no-block", "--root", str(served.root))
    assert asked.out.splitlines()[0] == f"said/purged@{digest} ends for good"
    refused = shell("undo", change)
    assert (refused.code, refused.err.splitlines()) == (6, [
        "error: 1 manifest that is needed was purged, and nothing brings it back",
        f"  hint: refloat undo {change} --skip   brings back the rest",
    ])  # fmt: skip
    assert shell("undo", change, "--skip").code == 0
    assert served.wire.manifest("said/purged", "v1").body == contents[0].index.body
    alone = shell("rm", "said/purged:v1").change
    shell("purge", "said/purged:v1", "--yes", "--no-block", "--root", str(served.root))
    assert "--skip" not in shell("undo", alone).err  # nothing would be left


def test_one_is_not_told_as_many(brief: tuple[Served, Shell], contents: Pair) -> None:
    served, shell = brief
    served.wire.push("said/one", "v1", contents[0])
    served.wire.push("said/two", "v1", contents[0])
    refused = shell("purge", "said/one:v1", "--yes", "--root", str(served.root))
    assert refused.err.splitlines()[0].startswith("error: 1 other repository has sha256:")
    change = shell("rm", "said/one:v1").change
    served.wire.push("said/one", "v1", contents[1])
    answer = served.wire.ask("POST", f"{API}/changes/{change}/undo", b"{}")
    assert json.loads(answer.body)["errors"][0]["message"] == "1 reference moved since; nothing was changed"
    config = json.loads(contents[0].amd64.body)["config"]["digest"]
    told = shell("purge", f"said/one@{config}", "-n", "--everywhere", "--root", str(served.root)).out
    assert not re.search(r"\b1 (?:blobs|tags|manifests|repositories|references)\b", told), told
    assert shell.on_terminal("purge", "--list", "--color", "never", "--root", str(served.root)).out == (
        "Nothing was purged.\n"
    )


def test_a_day_written_as_a_number_is_answered_with_how_a_day_is_written(
    shell: Shell, registry: Served, contents: Pair
) -> None:
    registry.wire.push("said/day", "v1", contents[0])
    for words in (("restore", "said/day:v1@{20261120}"), ("history", "said/day:v1@{20261120}")):
        done = shell(*words)
        assert (done.code, done.err.splitlines()[-1]) == (6, "  hint: a day is written @{2026-11-20}"), done
    other = shell("restore", "said/day:v1@{20269999}")
    assert other.err.splitlines()[-1] == "  hint: refloat history said/day   shows what there was"


def test_what_never_was_has_no_history(shell: Shell, registry: Served, contents: Pair) -> None:
    registry.wire.push("said/never", "v1", contents[0])
    shown, past = shell("show", "said/never:nope"), shell("history", "said/never:nope")
    assert (shown.code, past.code) == (6, 6)
    assert past.err.splitlines() == [
        "error: said/never:nope does not exist, and history knows nothing of it",
        "  hint: refloat ls said/never   lists its tags",
    ]
    assert shown.err.splitlines()[-1] == past.err.splitlines()[-1]
    assert shell("history", "said/never:v1", "--since", "2999-01-01").code == 0  # it has one, and nothing since


def test_the_id_of_a_change_is_not_sent_to_a_list_of_tags(shell: Shell, registry: Served, contents: Pair) -> None:
    registry.wire.push("said/change", "v1", contents[0])
    change = shell("rm", "said/change:v1").change
    for verb in ("purge", "rm", "show"):
        done = shell(verb, change)
        assert (done.code, done.err.splitlines()) == (2, [
            f"error: {change} is the id of a change, or a repository; say which image is meant",
            f"  hint: refloat trash show {change}   lists the images of a change",
        ])  # fmt: skip


def test_what_is_named_has_to_be_there_and_what_is_left_over_may_be_nothing(
    shell: Shell, registry: Served, contents: Pair
) -> None:
    registry.wire.push("said/empty", "v1", contents[0])
    assert shell("rm", "said/empty/").code == 0
    for words in ("said/empty/", "said/empty:v1", "said/empty:*", "--untagged said/nowhere"):
        assert shell("rm", *words.split()).code == 6, words
    for words in ("--untagged said/empty", "--untagged said/empt*", "said/empty:* --older-than 1d"):
        done = shell("rm", *words.split())
        assert (done.code, done.out) == (0, "Nothing to do: nothing is there that would go\n"), words
