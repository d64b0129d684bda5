"""`refloat log`: which changes it lists, and that it goes on listing."""

import json
import re
import signal
import subprocess
import sys
from collections import Counter

from tests.cli.conftest import DEADLINE, Shell
from tools.content import Content, make_content
from tools.serving import Served, wait_until


def lines(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.splitlines()]


def test_log_says_who_from_where_with_what_and_why(
    own: tuple[Served, Shell], contents: tuple[Content, Content]
) -> None:
    served, shell = own
    served.wire.push("log/a", "v1", contents[0])
    change = shell("rm", "log/a:v1", "--reason", "built from\tthe wrong branch").change
    row = lines(shell("log", "--kind", "rm").out)[0]
    assert (row[0], row[2], row[3], row[5], row[6]) == (change, "127.0.0.1", "127.0.0.1", "rm", "log/a:v1")
    assert row[4].startswith("refloat/")
    assert row[7].startswith("until 20")
    assert row[8] == "built from the wrong branch"
    table = shell.on_terminal("log", "--color", "never", "-l", "1").out.splitlines()
    assert table[0].split() == ["ID", "WHEN", "BY", "VIA", "DID", "WHAT", "UNDO", "WHY"]
    pushes = shell.on_terminal("log", "--color", "never", "--kind", "push").out.splitlines()
    assert pushes[0].split()[-1] == "UNDO"  # nobody said why


def test_log_lists_what_was_asked_for(own: tuple[Served, Shell], contents: tuple[Content, Content]) -> None:
    served, shell = own
    for name in ("a", "b"):
        served.wire.push(f"log/{name}", "v1", contents[0])
        shell("rm", f"log/{name}:v1")
    assert len(lines(shell("log", "--kind", "rm").out)) == 2
    assert [row[6] for row in lines(shell("log", "--repo", "log/b", "--by", "refloat").out)] == ["log/b:v1"]
    assert shell("log", "--by", "somebody").out == ""
    assert shell("log", "--since", "1h").out == shell("log").out != ""
    assert shell("log", "--kind", "moved").code == 2
    assert shell("log", "--since", "tomorrow").code == 2
    documents = [json.loads(line) for line in shell("log", "--jsonl", "--kind", "rm").out.splitlines()]
    assert [(document["schema"], document["kind"]) for document in documents] == [("refloat.change/1", "rm")] * 2
    assert json.loads(shell("log", "--jsonl", "--kind", "moved").err)["code"] == "REQUEST_INVALID"


class Followed:
    """`refloat log --follow ARGUMENTS`, whose words go to a file until it is interrupted."""

    def __init__(self, shell: Shell, *arguments: str) -> None:
        self.out = shell.home / "followed"
        with self.out.open("wb") as written:
            self.process = subprocess.Popen(
                ["env", "--default-signal=INT", sys.executable, "-m", "refloat", "log", "--follow", *arguments],
                env=shell.environment, stdout=written, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip

    def until(self, count: int) -> list[str]:
        """Wait until it has written so many whole lines; return them all."""
        wait_until(lambda: self.out.read_text().count("\n") >= count, DEADLINE, self.out.read_text)
        return self.out.read_text().splitlines()

    def interrupt(self) -> str:
        """End it as a person does; return what it said beside the lines."""
        self.process.send_signal(signal.SIGINT)
        _, err = self.process.communicate(timeout=DEADLINE)
        assert self.process.returncode == 130
        return str(err).strip()


def test_what_is_followed_goes_on_in_order_and_through_a_restart(
    own: tuple[Served, Shell], contents: tuple[Content, Content]
) -> None:
    served, shell = own
    served.wire.push("log/follow", "v1", contents[0])
    expected = [shell("rm", "log/follow:v1", "-q").out.strip()]
    followed = Followed(shell, "--repo", "log/follow", "--kind", "rm,undo", "-q")
    assert followed.until(1) == expected
    expected.append(shell("undo", "-q").out.strip())
    assert followed.until(2) == expected
    served.wire.push("log/other", "v1", contents[0])
    shell("rm", "log/other:v1")
    served.stop()
    served.start()
    expected.append(shell("rm", "log/follow:v1", "-q").out.strip())
    assert followed.until(3) == expected
    words = followed.interrupt()
    assert words in ("", f"nothing listens at {served.address}; trying again")


def test_following_begins_where_nothing_was_done_yet(
    own: tuple[Served, Shell], contents: tuple[Content, Content]
) -> None:
    served, shell = own
    followed = Followed(shell, "--jsonl", "--repo", "log/first")
    wait_until(lambda: "&after=&" in served.tail(), DEADLINE, served.tail)
    for part in contents[0].blobs:
        served.wire.push_blob("log/first", part)
    served.wire.push_manifest("log/first", contents[0].amd64.digest, contents[0].amd64)
    document = json.loads(followed.until(1)[0])
    assert (document["kind"], document["moves"][0]["reference"]) == ("push", contents[0].amd64.digest)
    assert followed.interrupt() == ""


def test_what_is_followed_is_no_document(shell: Shell) -> None:
    done = shell("log", "-f", "--json")
    assert (done.code, json.loads(done.err)["hint"]) == (2, "refloat log --follow --jsonl")


def image(served: Served, repository: str, content: Content, *tags: str) -> None:
    """Push one image to each tag, as changes of their own."""
    for part in content.blobs:
        served.wire.push_blob(repository, part)
    for tag in tags:
        served.wire.push_manifest(repository, tag, content.amd64)


def told(shell: Shell, repository: str) -> dict[str, tuple[str, str]]:
    """Return what `log` says under UNDO of each change, newest first, by its id; and what it did."""
    return {row[0]: (row[6], row[7]) for row in lines(shell("log", "--repo", repository).out)}


def test_what_was_only_pushed_over_is_said_to_have_moved_since(
    shell: Shell, registry: Served, contents: tuple[Content, Content]
) -> None:
    name, third = "log/over", make_content("three")
    for tag, content in zip(("xa", "xb", "xc"), (*contents, third), strict=True):
        image(registry, name, content, tag)
    for content in (*contents, third):
        image(registry, name, content, "v1")
    last, over, first, *_ = told(shell, name).items()
    assert (over[1], first[1]) == ((f"{name}:v1", "moved since"), (f"{name}:v1", "moved since"))
    assert last[1][1].startswith("until 20")
    document = json.loads(shell("trash", "show", over[0], "--json").out)["change"]
    assert (document["standing"], document["moved_since"], document["undoable"]) == (False, True, True)
    refused = shell("undo", over[0])
    assert (refused.code, refused.err.splitlines()[0]) == (7, f"error: {name}:v1 has moved since")
    assert f"Would move: {name}:v1" in shell("undo", over[0], "--replace", "-n").out
    assert shell("undo", last[0]).code == 0
    assert told(shell, name)[over[0]][1].startswith("until 20")  # what pushed over it was taken back
    assert told(shell, name)[last[0]][1].startswith("undone by ")


def test_what_log_says_of_a_change_is_what_its_undo_answers(
    shell: Shell, registry: Served, contents: tuple[Content, Content]
) -> None:
    name, third = "log/states", make_content("four")
    image(registry, name, contents[0], "v1", "v2", "v3", "v4")
    image(registry, name, contents[1], "v1")  # over an earlier one, and the image is new: its digest stays
    image(registry, name, third, "v1")
    shell("rm", "--tag-only", f"{name}:v2", f"{name}:v3")
    image(registry, name, third, "v2")  # of two that went, one was pushed anew
    shell("rm", "--tag-only", f"{name}:v4")
    image(registry, name, contents[0], "v4")  # put back by a push
    shell("undo", shell("rm", f"{name}:v1").change)
    seen = Counter[str]()
    for change, (_, state) in told(shell, name).items():
        done = shell("undo", change, "-n")
        if "moved since" in state:
            assert (done.code, "moved since" in done.err) == (7, True), (state, done)
        elif state == "nothing left" or state.startswith("undone by "):
            assert (done.code, "Nothing to do" in done.out) == (0, True), (state, done)
        else:
            assert (done.code, "Would " in done.out) == (0, True), (state, done)
        seen[re.sub(r"(by|until) [^,]*", r"\1", state)] += 1
    parts = {"until", "any time", "until, moved since", "any time, moved since"}
    assert seen.keys() == {"moved since", "nothing left", "undone by", *parts}


def test_nobody_is_no_name(shell: Shell) -> None:
    for option, said in (("--by", "--by is an account"), ("--kind", "--kind is push"), ("--since", "'' is not a time")):
        done = shell("log", option, "")
        assert (done.code, done.err.startswith(f"error: {said}")) == (2, True), done
