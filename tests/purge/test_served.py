"""A purge by people and programs: over the API and by the command line, against a real server."""

import json
import shutil
from pathlib import Path
from typing import cast

import pytest

from tests.cli.conftest import Shell, known
from tests.conftest import Serve
from tests.purge.registry import found
from tools.content import CONFIG, LAYER, MANIFEST, Content, Part, make_content
from tools.serving import Served, wait_until
from tools.wire import Answer

API = "/v2/_refloat/v1"
SECRET = Part(LAYER, b"a secret layer: hunter2 " * 100)
NOTE = b"a secret note"


def image(*layers: Part, note: bytes = NOTE) -> Part:
    document = {
        "schemaVersion": 2, "mediaType": MANIFEST, "config": CONFIGURED.descriptor(),
        "layers": [layer.descriptor() for layer in layers], "annotations": {"note": note.decode()},
    }  # fmt: skip
    return Part(MANIFEST, json.dumps(document).encode())


CONFIGURED = Part(CONFIG, b'{"architecture":"amd64","os":"linux"}')
LEAKED = image(SECRET)


def push(served: Served, tag: str, repository: str = "team/api") -> None:
    for part in (CONFIGURED, SECRET):
        served.wire.push_blob(repository, part)
    served.wire.push_manifest(repository, tag, LEAKED)


def token(served: Served) -> str:
    return (served.root / "refloat" / "admin.token").read_text().strip()


def ask(served: Served, method: str, path: str, body: object = None, said: str | None = None) -> Answer:
    sent = None if body is None else json.dumps(body).encode()
    headers = {"Refloat_Admin_Token": token(served) if said is None else said}
    return served.wire.ask(method, f"{API}/{path}", sent, **headers)


def listed(served: Served, path: str) -> list[dict[str, object]]:
    return cast("list[dict[str, object]]", ask(served, "GET", path).expect(200).document()["purges"])


def test_the_whole_way_over_the_api(serve: Serve) -> None:
    served = serve()
    push(served, "v1")
    planned = ask(served, "POST", "purge", {"image": "team/api:v1", "dry_run": True}).expect(200).document()
    assert (planned["schema"], planned["id"], planned["digest"]) == ("refloat.purge/1", None, LEAKED.digest)
    assert planned["size"] == len(SECRET.body) + len(CONFIGURED.body)
    assert served.wire.manifest("team/api", "v1").status == 200
    wanted = {"image": "team/api:v1", "seen": planned["plan"], "reason": "leaked"}
    done = ask(served, "POST", "purge", wanted).expect(201)
    assert done.headers["refloat-change"] == done.document()["change"] == done.document()["id"]
    assert found(served.root, SECRET.body, NOTE) == {}
    for reference in ("v1", LEAKED.digest):
        assert served.wire.manifest("team/api", reference).status == 404
    assert served.wire.ask("GET", f"/v2/team/api/blobs/{SECRET.digest}").status == 404
    refused = served.wire.ask("PUT", "/v2/team/api/manifests/v1", LEAKED.body, Content_Type=MANIFEST)
    assert refused.status == 403
    assert f"refloat purge --unblock {LEAKED.digest}" in str(json.loads(refused.body)["errors"][0]["message"])
    undone = served.wire.ask("POST", f"{API}/changes/{done.document()['change']}/undo", b"{}")
    assert (undone.status, json.loads(undone.body)["errors"][0]["code"]) == (410, "PURGED")
    (entry,) = listed(served, "purges")
    assert (entry["kind"], entry["reason"], entry["digest"]) == ("purge", "leaked", LEAKED.digest)
    assert LEAKED.digest in entry["blocks"]  # type: ignore[operator]
    lifted = ask(served, "POST", "unblock", {"digest": LEAKED.digest}).expect(200).document()
    assert LEAKED.digest in lifted["digests"]  # type: ignore[operator]
    push(served, "v1")
    assert served.wire.manifest("team/api", "v1").status == 200
    assert [entry["kind"] for entry in listed(served, "purges?n=1")] == ["unblock"]


def test_a_blocked_layer_is_refused_and_leaves_nothing_behind(serve: Serve) -> None:
    served = serve()
    push(served, "v1")
    ask(served, "POST", "purge", {"image": f"team/api@{SECRET.digest}"}).expect(201)
    for path in (
        f"/v2/team/api/blobs/uploads/?digest={SECRET.digest}",
        f"/v2/team/web/blobs/uploads/?mount={SECRET.digest}&from=team/api",
    ):
        answer = served.wire.ask("POST", path, SECRET.body)
        assert (answer.status, json.loads(answer.body)["errors"][0]["code"]) == (403, "DENIED")
    session = served.wire.ask("POST", "/v2/team/api/blobs/uploads/", b"").headers["location"]
    assert served.wire.ask("PUT", f"{session}?digest={SECRET.digest}", SECRET.body).status == 403
    assert served.wire.ask("GET", session).status == 404
    ask(served, "POST", "collect", {}).expect(200)
    assert found(served.root, SECRET.body) == {}


def test_nobody_purges_without_the_token(serve: Serve) -> None:
    served = serve()
    push(served, "v1")
    path = served.root / "refloat" / "admin.token"
    assert path.stat().st_mode & 0o777 == 0o600
    for said in ("", "wrong", token(served) + "x", "\xff"):
        for method, address, body in (
            ("POST", "purge", {"image": "team/api:v1"}), ("POST", "unblock", {"digest": LEAKED.digest}),
            ("GET", "purges", None),
        ):  # fmt: skip
            answer = ask(served, method, address, body, said)
            assert (answer.status, json.loads(answer.body)["errors"][0]["code"]) == (403, "DENIED")
    path.write_text("")
    assert ask(served, "POST", "purge", {"image": "team/api:v1"}, "").status == 403
    assert served.wire.manifest("team/api", "v1").status == 200
    before = path.read_text()
    served.stop()
    served.start()
    assert path.read_text() == before


def test_what_was_shown_is_what_ends(serve: Serve) -> None:
    served = serve()
    push(served, "v1")
    planned = ask(served, "POST", "purge", {"image": "team/api:v1", "dry_run": True}).document()
    served.wire.push_manifest("team/api", "v2", LEAKED)
    wanted = {"image": "team/api:v1", "seen": planned["plan"]}
    answer = ask(served, "POST", "purge", wanted)
    assert (answer.status, json.loads(answer.body)["errors"][0]["code"]) == (409, "CHANGE_CONFLICT")
    assert served.wire.manifest("team/api", "v1").status == 200


def test_the_start_purges_a_database_that_was_put_back(serve: Serve, tmp_path: Path) -> None:
    served = serve()
    push(served, "v1")
    served.stop()
    shutil.copy(served.root / "refloat" / "refloat.db", tmp_path)
    served.start()
    ask(served, "POST", "purge", {"image": "team/api:v1"}).expect(201)
    served.stop()
    for path in (served.root / "refloat").glob("refloat.db*"):
        path.unlink()
    shutil.copy(tmp_path / "refloat.db", served.root / "refloat")
    served.start()
    assert served.wire.manifest("team/api", "v1").status == 404
    assert served.wire.ask("PUT", "/v2/team/api/manifests/v1", LEAKED.body, Content_Type=MANIFEST).status == 403
    assert found(served.root, SECRET.body, NOTE) == {}
    served.stop()
    with (served.root / "refloat" / "purges.jsonl").open("ab") as file:
        file.write(b"not a receipt\n")
    with pytest.raises(RuntimeError, match="a receipt of a purge cannot be read"):
        served.start()


def shell_for(tmp_path: Path, served: Served) -> Shell:
    shell = Shell(tmp_path, served.address)
    shell.environment["REFLOAT_ADMIN_TOKEN_FILE"] = str(served.root / "refloat" / "admin.token")
    return shell


def test_the_whole_way_by_the_command_line(serve: Serve, tmp_path: Path) -> None:
    served = serve()
    shell = shell_for(tmp_path, served)
    push(served, "v1")
    push(served, "v1", "team/web")
    refused = shell("purge", "team/api:v1", "--yes")
    assert (refused.code, refused.out) == (7, "")
    assert "also in  team/web" in refused.err
    assert "--everywhere" in refused.err
    shown = shell("purge", "team/api:v1", "--everywhere", "-n")
    assert shown.code == 0
    assert "team/web   tag v1 · 1 manifest" in shown.out
    assert shown.out.endswith("Dry run: nothing was changed.\n")
    asked = shell("purge", "team/api:v1", "--everywhere")
    assert (asked.code, asked.out) == (5, "")
    assert asked.err.startswith("error: purge needs a confirmation and there is no terminal\n  hint: --yes ends it")
    assert served.wire.manifest("team/api", "v1").status == 200
    done = shell("purge", "team/api:v1", "--everywhere", "--yes", "--reason", "leaked")
    assert done.code == 0
    assert "freed." in done.out
    assert f"Push again:  refloat purge --unblock {LEAKED.digest}" in done.out
    assert found(served.root, SECRET.body, NOTE) == {}
    known = shell("purge", "--list")
    assert "purge\tteam/api:v1" in known.out
    assert known.out.rstrip().endswith("leaked")
    assert shell("purge", "team/api:v1", "--yes").code == 6
    lifted = shell("purge", "--unblock", f"team/api@{LEAKED.digest}")
    assert f"{LEAKED.digest} may be pushed again" in lifted.out
    assert shell("purge", "--unblock", LEAKED.digest).code == 6


def test_what_is_in_the_trash_is_named_by_its_tag(serve: Serve, tmp_path: Path) -> None:
    served = serve()
    shell = shell_for(tmp_path, served)
    push(served, "v1")
    removed = shell("rm", "team/api:v1").change
    done = shell("purge", "team/api:v1", "--yes", "--no-block", "--json")
    document = json.loads(done.out)
    assert (document["schema"], document["change"], document["blocked"]) == ("refloat.purge/1", None, [])
    assert found(served.root, SECRET.body, NOTE) == {}
    assert json.loads(shell("history", "team/api:v1", "--json").out)["history"][-1]["state"] == "purged"
    gone = shell("undo", removed)
    assert gone.code == 6
    assert "1 manifest that is needed was purged, and nothing brings it back" in gone.err
    push(served, "v1")


def test_it_asks(serve: Serve, tmp_path: Path) -> None:
    served = serve()
    shell = shell_for(tmp_path, served)
    push(served, "v1")
    answered = shell.on_terminal("purge", "team/api:v1", text="n\n")
    assert answered.code == 5
    assert "This cannot be undone. Purge? [y/N]" in answered.out
    assert answered.out.endswith("nothing was purged\n")
    assert served.wire.manifest("team/api", "v1").status == 200
    agreed = shell.on_terminal("purge", "team/api:v1", text="y\n")
    assert agreed.code == 0
    assert "Purged " in agreed.out
    assert found(served.root, SECRET.body, NOTE) == {}


def test_a_token_that_is_not_there_is_explained(serve: Serve, tmp_path: Path) -> None:
    served = serve()
    shell = Shell(tmp_path, served.address)
    missing = shell("purge", "team/api:v1", "--yes")
    assert missing.code == 4
    assert "admin.token cannot be read: No such file or directory" in missing.err
    assert "--root DIR" in missing.err
    far = shell("purge", "reg.example.com/team/api:v1", "--yes")
    assert far.code == 4
    assert "reg.example.com asks for its admin token" in far.err
    push(served, "v1")
    assert shell("purge", "team/api:v1", "--yes", "--root", str(served.root)).code == 0
    assert shell("purge").code == 2
    assert shell("purge", "team/api:v1", "--list").code == 2


def test_an_index_goes_with_its_signature(serve: Serve, contents: Content) -> None:
    served = serve()
    served.wire.push("team/api", "v1", contents)
    planned = ask(served, "POST", "purge", {"image": "team/api:v1", "dry_run": True}).document()
    (part,) = cast("list[dict[str, list[str]]]", planned["repositories"])
    assert len(part["manifests"]) == 4
    done = ask(served, "POST", "purge", {"image": "team/api:v1"}).expect(201)
    assert len(done.document()["blocked"]) == 4  # type: ignore[arg-type]
    assert found(served.root, *(part.body for part in contents.blobs if len(part.body) > len(b"{}"))) == {}


@pytest.fixture(scope="session")
def contents() -> Content:
    return make_content("purged")


def test_a_purge_means_what_is_named_and_nothing_takes_it_back(serve: Serve, tmp_path: Path) -> None:
    served = serve()
    shell = Shell(tmp_path, served.address)
    contents = make_content("purged past"), make_content("purged present")
    for content in contents:
        served.wire.push("team/api", "v1", content)
    root = ["--yes", "--root", str(served.root)]
    for reference in ("team/api:v1@{1}", "team/api:v1@{2020-01-01}", f"team/api:v1@{contents[0].index.digest}"):
        refused = shell("purge", reference, *root)
        assert (refused.code, refused.out) == (2, ""), refused
    assert served.wire.manifest("team/api", "v1").body == contents[1].index.body
    rm = shell("rm", "team/api:v1").change
    assert shell("purge", f"team/api@{contents[0].index.digest}", *root).code == 0
    last = shell("undo")
    assert (last.code, "is a purge, and nothing takes that back" in last.err) == (2, True), last
    (purge,) = json.loads(shell("log", "--kind", "purge", "--json").out)["changes"]
    assert purge["undoable"] is False
    refused = shell("undo", purge["id"])
    assert (refused.code, "nothing takes a purge back" in refused.err) == (6, True), refused
    assert shell("undo", rm).code == 0
    assert served.wire.manifest("team/api", "v1").body == contents[1].index.body


def test_a_404_says_that_it_was_purged_and_that_nothing_brings_it_back(serve: Serve, tmp_path: Path) -> None:
    served = serve()
    shell = shell_for(tmp_path, served)
    push(served, "v1")
    shell("rm", "--tag-only", "team/api:v1")
    push(served, "v2")
    assert shell("purge", "team/api:v2", "--yes").code == 0
    purge = served.last_change("team/api")
    for reference in ("v1", "v2", LEAKED.digest):
        (error,) = json.loads(served.wire.manifest("team/api", reference).expect(404).body)["errors"]
        assert error["detail"]["purged_by"] == purge
        assert error["detail"]["purged_at"].endswith("Z")
    for name in ("team/api:v2", f"team/api@{LEAKED.digest[7:19]}"):
        done = shell("show", name)
        assert done.code == 6
        assert known(done.err) == known(
            f"error: {name} does not exist\n  it was purged just now by 127.0.0.1; nothing brings it back\n"
        )
    (error,) = json.loads(served.wire.manifest("team/api", "v3").expect(404).body)["errors"]
    assert "purged_by" not in error["detail"]


def test_what_was_pushed_again_and_deleted_was_not_purged(serve: Serve, tmp_path: Path) -> None:
    served = serve(REGISTRY_REFLOAT_WINDOW="1s", REGISTRY_REFLOAT_COLLECT_INTERVAL="24h")
    shell = shell_for(tmp_path, served)
    push(served, "v1")
    assert shell("purge", "team/api:v1", "--no-block", "--yes").code == 0
    push(served, "v1")
    deleted = shell("rm", "team/api:v1").change

    def detail() -> dict[str, object]:
        shell("gc")
        (error,) = json.loads(served.wire.manifest("team/api", "v1").expect(404).body)["errors"]
        return cast("dict[str, object]", error["detail"])

    assert detail().get("deleted_by") in (deleted, None)
    wait_until(lambda: "deleted_by" not in detail(), 60, lambda: str(detail()))
    assert detail() == {"repository": "team/api", "reference": "v1"}


def test_a_layer_is_named_by_its_whole_digest(serve: Serve, tmp_path: Path) -> None:
    served = serve()
    shell = shell_for(tmp_path, served)
    push(served, "v1")
    done = shell("purge", f"team/api@{SECRET.digest[7:19]}", "--yes")
    assert (done.code, done.err.splitlines()) == (6, [
        f"error: team/api@{SECRET.digest[7:19]} does not exist",
        "  hint: a layer is named by its whole digest; refloat show team/api:TAG --json   has those of an image",
    ])  # fmt: skip
    assert "hint" not in shell("purge", "team/api:v9", "--yes").err.splitlines()[0]
    assert shell("purge", f"team/api@{SECRET.digest}", "--yes").code == 0
