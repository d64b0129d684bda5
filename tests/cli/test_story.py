"""What the verbs say, to the letter, in real runs against a real server. Ids, days and digests are replaced."""

import json
import re
from pathlib import Path

from tests.cli.conftest import Shell, known
from tests.conftest import Serve
from tools.content import Content
from tools.serving import Served, wait_until


def test_rm_says_what_went_until_when_and_how_to_take_it_back(
    shell: Shell, registry: Served, contents: tuple[Content, Content]
) -> None:
    registry.wire.push("story/rm", "v1", contents[0])
    done = shell("rm", "story/rm:v1")
    assert (done.code, done.err) == (0, "")
    assert known(done.out) == (
        "Moved to trash: story/rm:v1  (DIGEST)\n"
        "  with 3 manifests that only it held, or that refer to it\n"
        "  FORECAST\n"
        "  can be brought back until DAY\n"
        "Undo:  refloat undo CHANGE\n"
    )
    assert registry.wire.manifest("story/rm", "v1").status == 404


def test_rm_of_one_of_two_tags_leaves_the_image(
    shell: Shell, registry: Served, contents: tuple[Content, Content]
) -> None:
    registry.wire.push("story/two", "v1", contents[0])
    registry.wire.push("story/two", "latest", contents[0])
    assert known(shell("rm", "story/two:v1").out) == (
        "Moved to trash: story/two:v1  (DIGEST)\n"
        "  the image DIGEST stays, and can be pulled by its digest\n"
        "  FORECAST\n"
        "  can be brought back until DAY\n"
        "Undo:  refloat undo CHANGE\n"
    )
    assert registry.wire.manifest("story/two", contents[0].index.digest).status == 200
    nothing = "frees nothing: no image goes with it"
    plan = shell("rm", "-n", "--tag-only", "story/two:latest").out.splitlines()
    assert plan[2:4] == [f"  {nothing}", "  could be brought back until " + plan[3][-10:]]
    (change,) = json.loads(shell("trash", "--repo", "story/two", "--json").out)["changes"]
    assert nothing in shell.on_terminal("trash", "show", change["id"]).out


def test_rm_of_two_images_says_what_goes_with_both(
    shell: Shell, registry: Served, contents: tuple[Content, Content]
) -> None:
    for tag, content in zip(("v1", "v2", "latest"), (*contents, contents[1]), strict=True):
        registry.wire.push("story/both", tag, content)
    assert known(shell("rm", "story/both:v1", "story/both:v2").out) == (
        "Moved to trash: story/both:v1  (DIGEST)\n"
        "Moved to trash: story/both:v2  (DIGEST)\n"
        "  the image DIGEST stays, and can be pulled by its digest\n"
        "  with 3 manifests that only they held, or that refer to them\n"
        "  FORECAST\n"
        "  can be brought back until DAY\n"
        "Undo:  refloat undo CHANGE\n"
    )


def test_rm_by_digest_names_the_tags_on_it(shell: Shell, registry: Served, contents: tuple[Content, Content]) -> None:
    registry.wire.push("story/digest", "v1", contents[0])
    registry.wire.push("story/digest", "latest", contents[0])
    short = contents[0].index.digest[7:14]
    done = shell("rm", f"story/digest@{short}")
    assert known(done.out).splitlines()[0] == ("Moved to trash: story/digest@DIGEST and the 2 tags on it: latest, v1")
    assert registry.wire.manifest("story/digest", "v1").status == 404


def test_a_dry_run_says_the_same_and_does_nothing(
    shell: Shell, registry: Served, contents: tuple[Content, Content]
) -> None:
    registry.wire.push("story/dry", "v1", contents[0])
    plan = shell("rm", "-n", "story/dry:v1")
    assert registry.wire.manifest("story/dry", "v1").status == 200
    real = shell("rm", "story/dry:v1")
    told = plan.out.replace("Would move to trash", "Moved to trash").replace("could be", "can be")
    assert told.splitlines()[:-1] == real.out.splitlines()[:-1]
    assert not {"Moved", "Restored"} & set(plan.out.replace(":", " ").split())
    back = shell("undo", "-n", real.change)
    assert known(back.out) == (
        "Would restore: story/dry:v1  (DIGEST) and 3 more manifests\nDry run: nothing was changed.\n"
    )
    assert plan.out.splitlines()[-1] == "Dry run: nothing was changed."


def test_undo_without_an_id_takes_back_the_last_change_made_here(
    shell: Shell, registry: Served, contents: tuple[Content, Content]
) -> None:
    registry.wire.push("story/undo", "v1", contents[0])
    removed = shell("rm", "story/undo:v1", "--reason", "a slip")
    done = shell("undo")
    assert done.code == 0
    assert known(done.err) == "Taking back CHANGE: rm story/undo:v1, AGO\n"
    assert known(done.out) == ("Restored: story/undo:v1  (DIGEST) and 3 more manifests\nUndo:  refloat undo CHANGE\n")
    back = registry.wire.manifest("story/undo", "v1")
    assert (back.status, back.body) == (200, contents[0].index.body)
    again = shell("undo")
    assert (again.code, again.out) == (2, "")
    assert again.err == (
        f"error: the last change from here, {done.change}, took {removed.change} back already\n"
        f"  hint: refloat undo {done.change}   does {removed.change} again\n"
    )
    entry = json.loads(shell("trash", "show", removed.change, "--json").out)["change"]
    assert (entry["reason"], entry["kind"], entry["undone_by"]) == ("a slip", "rm", done.change)


def test_undo_where_nothing_was_changed_from_here_lists_changes(
    shell: Shell, registry: Served, contents: tuple[Content, Content]
) -> None:
    registry.wire.push("story/nobody", "v1", contents[0])
    done = shell("undo")
    assert done.code == 2
    assert done.err == (
        f"error: no change was made from here at {registry.address}\n"
        "  hint: refloat undo ID   takes back one of these\n"
    )
    assert "story/nobody:v1" in done.out.splitlines()[0]


def test_undo_of_what_is_already_so(shell: Shell, registry: Served, contents: tuple[Content, Content]) -> None:
    registry.wire.push("story/already", "v1", contents[0])
    change = shell("rm", "story/already:v1").change
    assert shell("undo", change).code == 0
    again = shell("undo", change)
    assert (again.code, again.out) == (0, "Nothing to do: everything is as it would be\n")


def test_conflict_names_who_moved_it_and_both_digests(
    shell: Shell, registry: Served, contents: tuple[Content, Content]
) -> None:
    registry.wire.push("story/moved", "v1", contents[0])
    change = shell("rm", "story/moved:v1").change
    registry.wire.push("story/moved", "v1", contents[1])
    refused = shell("undo", change)
    assert (refused.code, refused.out) == (7, "")
    now, wanted = contents[1].index.digest[7:19], contents[0].index.digest[7:19]
    lines = refused.err.splitlines()
    assert lines[0] == "error: story/moved:v1 has moved since"
    assert lines[1].startswith(f"  now     {now}  moved ")
    assert lines[2] == f"  wanted  {wanted}"
    assert lines[-1] == (
        "  hint: --as NAME restores it beside the present one; --replace moves it back (undoable); --skip leaves it"
    )
    beside = shell("undo", change, "--as", "v1-old")
    assert known(beside.out).startswith("Restored: story/moved:v1-old  (DIGEST)")
    assert registry.wire.manifest("story/moved", "v1-old").body == contents[0].index.body
    replaced = shell("undo", change, "--replace")
    assert known(replaced.out).splitlines()[0] == "Moved: story/moved:v1  DIGEST → DIGEST"
    assert registry.wire.manifest("story/moved", "v1").body == contents[0].index.body


def test_skip_brings_back_the_rest(shell: Shell, registry: Served, contents: tuple[Content, Content]) -> None:
    registry.wire.push("story/skip", "a", contents[0])
    registry.wire.push("story/skip", "b", contents[1])
    change = shell("rm", "story/skip:a", "story/skip:b").change
    registry.wire.push("story/skip", "a", contents[1])
    done = shell("undo", change, "--skip")
    assert done.code == 0
    assert "  story/skip:a stays as it is" in done.out
    again = shell("undo", change, "--skip")
    assert known(again.out) == (
        "Nothing left that --skip brings back: 1 reference stays as it is\n"
        "  9 references already as wanted\n"
        "  story/skip:a stays as it is (DIGEST): it has moved since\n"
        "  refloat undo CHANGE --replace   moves back what has moved since (undoable)\n"
    )
    assert registry.wire.manifest("story/skip", "b").body == contents[1].index.body
    assert registry.wire.manifest("story/skip", "a").body == contents[1].index.body


def test_what_stays_under_another_name_is_moved_by_the_command_that_is_told(
    shell: Shell, registry: Served, contents: tuple[Content, Content]
) -> None:
    registry.wire.push("story/beside", "a", contents[0])
    change = shell("rm", "story/beside:a").change
    registry.wire.push("story/beside", "b", contents[1])
    done = shell("undo", change, "--as", "b", "--skip")
    assert "  story/beside:b stays as it is (DIGEST): it is in use\n" in known(done.out)
    told = next(line for line in done.out.splitlines() if "--replace" in line).split("   ")[0].split()
    assert told[:2] == ["refloat", "undo"]
    assert shell(*told[1:]).code == 0
    assert registry.wire.manifest("story/beside", "b").body == contents[0].index.body


def test_restore_to_an_earlier_value(shell: Shell, registry: Served, contents: tuple[Content, Content]) -> None:
    registry.wire.push("story/past", "latest", contents[0])
    registry.wire.push("story/past", "latest", contents[1])
    done = shell("restore", "story/past:latest@{1}")
    assert known(done.out) == ("Moved: story/past:latest  DIGEST → DIGEST\nUndo:  refloat undo CHANGE\n")
    assert registry.wire.manifest("story/past", "latest").body == contents[0].index.body
    moment = json.loads(shell("history", "story/past:latest", "--json").out)["history"][1]["at"]
    planned = shell("restore", "-n", "story/past:latest@{1}")
    assert known(planned.out).startswith("Would move: story/past:latest  DIGEST → DIGEST\n")
    assert shell("restore", "story/past:latest", "--at", moment, "--as", "then").code == 0
    assert registry.wire.manifest("story/past", "then").body == contents[1].index.body


def test_restore_of_what_was_deleted(shell: Shell, registry: Served, contents: tuple[Content, Content]) -> None:
    registry.wire.push("story/back", "v1", contents[0])
    shell("rm", "story/back:v1")
    gone = shell("show", "story/back:v1")
    assert gone.code == 6
    assert known(gone.err) == (
        "error: story/back:v1 does not exist\n"
        "  it was deleted AGO by 127.0.0.1\n"
        "  it can be brought back until DAY\n"
        "  hint: refloat restore story/back:v1\n"
    )
    assert shell("restore", "story/back:v1").code == 0
    assert registry.wire.manifest("story/back", "v1").body == contents[0].index.body
    digest = contents[0].index.digest[7:17]
    assert shell("rm", f"story/back@{digest}").code == 0
    assert shell("restore", f"story/back@{digest}").code == 0  # a shortened digest finds what is in the trash
    assert registry.wire.manifest("story/back", contents[0].index.digest).status == 200


def test_restore_of_an_id_is_undo(shell: Shell, registry: Served, contents: tuple[Content, Content]) -> None:
    registry.wire.push("story/id", "v1", contents[0])
    change = shell("rm", "story/id:v1", "-q").out.strip()
    assert shell("restore", change).code == 0
    assert registry.wire.manifest("story/id", "v1").status == 200


def test_history_in_a_pipe_is_lines_of_whole_values(
    shell: Shell, registry: Served, contents: tuple[Content, Content]
) -> None:
    registry.wire.push("story/history", "v1", contents[0])
    registry.wire.push("story/history", "v1", contents[1])
    shell("rm", "story/history:v1")
    rows = [line.split("\t") for line in shell("history", "story/history:v1").out.splitlines()]
    first, second = contents[0].index.digest, contents[1].index.digest
    assert [(row[0], *row[2:6], row[8]) for row in rows] == [
        ("@{0}", "v1", second, "", "rm", ""),
        ("@{1}", "v1", first, second, "push", "held"),
        ("@{2}", "v1", "", first, "push", "live"),
    ]


def test_lists_in_a_pipe_are_lines_with_tabs(shell: Shell, registry: Served, contents: tuple[Content, Content]) -> None:
    registry.wire.push("story/list", "v1.0", contents[0])
    registry.wire.push("story/list", "v1.1", contents[1])
    registry.wire.push("story/list", "edge", contents[1])
    rows = [line.split("\t") for line in shell("ls", "story/list:v1.*").out.splitlines()]
    assert [row[:3] for row in rows] == [
        ["v1.0", contents[0].index.digest, "linux/amd64,linux/arm64"],
        ["v1.1", contents[1].index.digest, "linux/amd64,linux/arm64"],
    ]
    assert shell("ls", "story/list", "-q").out == "story/list:edge\nstory/list:v1.0\nstory/list:v1.1\n"
    assert shell("ls", "story/list:x*").out == ""
    assert "story/list" in shell("ls", "-q").out.splitlines()


def test_documents_say_what_they_are(shell: Shell, registry: Served, contents: tuple[Content, Content]) -> None:
    registry.wire.push("story/json", "v1", contents[0])
    for arguments, schema in (
        (("ls",), "ls"), (("ls", "story/json"), "ls"), (("show", "story/json:v1"), "show"),
        (("history", "story/json:v1"), "history"), (("log", "--repo", "story/json"), "log"), (("trash",), "trash"),
        (("gc", "-n"), "gc"), (("rm", "-n", "story/json:v1"), "rm"),
    ):  # fmt: skip
        document = json.loads(shell(*arguments, "--json").out)
        assert document["schema"] == f"refloat.{schema}/1"
    failed = shell("show", "story/json:none", "--json")
    error = json.loads(failed.err)
    assert (error["schema"], error["code"], error["exit"]) == ("refloat.error/1", "MANIFEST_UNKNOWN", 6)
    assert failed.code == 6


def test_show_names_every_part(shell: Shell, registry: Served, contents: tuple[Content, Content]) -> None:
    registry.wire.push("story/show", "v1", contents[0])
    rows = [line.split("\t") for line in shell("show", "story/show:v1").out.splitlines()]
    assert sorted((row[0], row[4]) for row in rows) == [
        ("image", "linux/amd64"),
        ("image", "linux/arm64"),
        ("referrer", f"refers to {contents[0].index.digest[7:19]}"),
    ]
    one = shell("show", f"story/show@{contents[0].amd64.digest[7:19]}").out.splitlines()
    assert [line.split("\t")[0] for line in one] == ["config", "layer", "layer", "layer"]


def test_images_of_several_repositories_go_and_come_in_one_change(
    shell: Shell, registry: Served, contents: tuple[Content, Content]
) -> None:
    for repository in ("several/a", "several/b"):
        registry.wire.push(repository, "v1", contents[0])
    done = shell("rm", "several/a:v1", "several/b:v1")
    assert known(done.out) == (
        "Moved to trash: several/a:v1  (DIGEST)\n"
        "  with 3 manifests that only it held, or that refer to it\n"
        "Moved to trash: several/b:v1  (DIGEST)\n"
        "  with 3 manifests that only it held, or that refer to it\n"
        "  FORECAST\n"
        "  can be brought back until DAY\n"
        "Undo:  refloat undo CHANGE\n"
    )
    assert known(shell("undo").out).startswith("Restored: several/a:v1")
    for repository in ("several/a", "several/b"):
        assert registry.wire.manifest(repository, "v1").body == contents[0].index.body


def test_several_images_go_all_or_none(shell: Shell, registry: Served, contents: tuple[Content, Content]) -> None:
    registry.wire.push("none/a", "v1", contents[0])
    done = shell("rm", "none/a:v1", "none/b:v1")
    assert (done.code, done.out) == (6, "")
    assert done.err == (
        f"error: there is no repository none/b at {registry.address}\n"
        "  nothing was removed\n"
        "  hint: refloat ls   lists them\n"
    )
    assert registry.wire.manifest("none/a", "v1").status == 200


def test_a_pattern_takes_the_tags_that_match(shell: Shell, registry: Served, contents: tuple[Content, Content]) -> None:
    for place in ("wild/a", "wild/b/c", "other/a"):
        for tag in (*(f"pr-{number}" for number in range(7)), "main"):
            registry.wire.push(place, tag, contents[0])
    planned = shell("rm", "-n", "wild/**:pr-*")
    done = shell("rm", "wild/**:pr-*")
    assert done.err == ""
    lines = known(done.out).splitlines()
    assert lines[:4] == [
        "Moved to trash: wild/a with 7 images (pr-0, pr-1, pr-2, pr-3, pr-4, pr-5, pr-6)",
        "Moved to trash: wild/b/c with 7 images (pr-0, pr-1, pr-2, pr-3, pr-4, pr-5, pr-6)",
        "  FORECAST",
        "  can be brought back until DAY",
    ]
    assert planned.out.splitlines()[:2] == [line.replace("Moved", "Would move") for line in done.out.splitlines()[:2]]
    assert planned.out.splitlines()[2] == done.out.splitlines()[2]
    every = ["main", *(f"pr-{number}" for number in range(7))]
    for place, tags in (("wild/a", ["main"]), ("wild/b/c", ["main"]), ("other/a", every)):
        assert registry.wire.ask("GET", f"/v2/{place}/tags/list").document()["tags"] == tags
    assert shell("undo", done.change).code == 0
    assert registry.wire.ask("GET", "/v2/wild/b/c/tags/list").document()["tags"] == every
    nothing = shell("rm", "wild/*:pr-9*")
    assert (nothing.code, nothing.err) == (6, "error: nothing matches wild/*:pr-9*\n")


def test_collection_is_told_in_counts(own: tuple[Served, Shell]) -> None:
    shell = own[1]
    plan = shell("gc", "-n")
    assert plan.out == (
        "  pruned         0  changes whose window has ended\n"
        "  swept          0  manifests that nothing holds any more\n"
        "  expired        0  uploads that were never finished\n"
        "  condemned      0  blobs that nothing uses any more\n"
        "  reaped         0  blobs, 0 B freed\n"
        "  waiting        0  blobs, 0 B\n"
        "Dry run: nothing was changed.  refloat gc  would free 0 B.\n"
    )
    assert shell("gc").out.splitlines() == plan.out.splitlines()[:-1]


def test_collection_says_what_waits_and_until_when(
    serve: Serve, tmp_path: Path, contents: tuple[Content, Content]
) -> None:
    served = serve(
        REGISTRY_REFLOAT_WINDOW="1s", REGISTRY_REFLOAT_LEASE="1s", REGISTRY_REFLOAT_GRAVEYARD="24h",
        REGISTRY_REFLOAT_COLLECT_INTERVAL="24h",
    )  # fmt: skip
    shell = Shell(tmp_path, served.address)
    served.wire.push("team/api", "v1", contents[0])
    served.wire.push("team/api", "v2", contents[1])
    change = shell("rm", "team/api:v1").change

    def due() -> bool:
        planned = json.loads(shell("gc", "-n", "--json").out)["round"]
        return bool(planned["swept"] == 4 and planned["condemned"] == len(contents[0].own_blobs))

    wait_until(due, 60, lambda: shell("gc", "-n").out)
    lines = known(shell("gc").out).splitlines()
    assert lines[1] == "  swept          4  manifests that nothing holds any more"
    assert lines[3] == f"  condemned {len(contents[0].own_blobs):>6}  blobs that nothing uses any more"
    assert re.fullmatch(r"  waiting   +\d+  blobs, [\d.]+ [KM]iB, until INSTANT, all gone by INSTANT", lines[5])
    refused = shell("undo", change)
    assert refused.code == 6
    assert known(refused.err).splitlines()[0] == (
        f"error: {change} can no longer be taken back: its window ended on DAY"
    )
