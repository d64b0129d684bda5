"""`refloat salvage` as a person types it, what it lists, and what it has to list."""

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.salvage.conftest import Stock
from tests.serve.program import refloat

ADVICE = "Do not run `registry garbage-collect`: it removes for good what is listed here.\n"


def salvage(stock: Stock, *arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run it to an exit code."""
    done = refloat("salvage", str(stock.root), *map(str, arguments), home=stock.root.parent)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith(ADVICE) or not done.stdout
    return done


def found(stock: Stock, *arguments: str) -> dict[str, dict[str, Any]]:
    """Return the images that are listed, by digest, without what a client put over a tag to delete it."""
    images = json.loads(salvage(stock, "--json", *arguments).stdout)["images"]
    assert len({image["digest"] for image in images}) == len(images)
    known = {part.digest for content in stock.contents.values() for part in content.everything}
    strange = [image for image in images if image["digest"] not in known]
    assert [(image["repository"], image["state"]) for image in strange] in ([], [("team/untagged", "deleted")])
    return {image["digest"]: image for image in images if image not in strange}


def short(digest: str) -> str:
    return digest.partition(":")[2][:12]


def whole(stock: Stock) -> dict[str, tuple[str | None, str, str, list[str]]]:
    """Return what has to be found whole, by digest: what names its repository, the repository, state, tags."""
    contents = stock.contents
    removed = contents["removed"].index.digest
    spared = {} if loses_parts(stock) else {contents["uncollected"].index.digest: "team/uncollected"}
    return {
        contents["first"].amd64.digest: ("links", "team/api", "replaced", ["v1"]),
        contents["older"].index.digest: ("links", "team/multi", "replaced", ["v1"]),
        contents["deleted"].index.digest: ("links", "team/web", "deleted", []),
        contents["untagged"].amd64.digest: ("links", "team/untagged", "untagged", []),
        removed: (None, f"lost-found/{short(removed)}", "deleted", []),
        contents["inferred"].amd64.digest: ("layers", "team/inferred", "deleted", []),
    } | {digest: ("links", name, "deleted", []) for digest, name in spared.items()}


def loses_parts(stock: Stock) -> bool:
    """Does its collection take the parts of an index that has a tag? 2.8's does, told to take what has none."""
    return stock.kind.name == "docker-registry"


def put_back(stock: Stock, address: str, images: Iterable[str], *options: str) -> dict[str, str]:
    """Put images back and return the reference that each one got, by digest."""
    wanted = list(images)
    said = salvage(stock, *wanted, "--to", address, *options).stderr.splitlines()
    lines = [line.removeprefix("Put back: ") for line in said if line.startswith("Put back: ")]
    assert len(lines) == len(wanted)
    return {digest: next(line for line in lines if line.endswith(short(digest))) for digest in wanted}
