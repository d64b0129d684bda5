"""What is asked of both registries, and the bar."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from tools.scale.shape import OVER, SIGNED, SIZES, TEAM, Block, Shape, name_of

BAR = 2.0
"""A row's median in the large registry is at most so many times that in the small one."""

OURS = "/v2/_refloat/v1"
PAGE = 50


class Request(NamedTuple):
    """One request to a registry, and the status it has to be answered with."""

    method: str
    path: str
    body: bytes | None = None
    status: int = 200


class Chooser:
    """Chooses what to ask for, evenly over everything; the same in every run."""

    def __init__(self, shape: Shape, seed: int = 1) -> None:
        self.shape = shape
        self._random = random.Random(seed)
        self._places = [
            (repository, number)
            for repository in range(shape.repositories)
            for number in range(SIZES[repository % TEAM])
        ]

    def block(self) -> Block:
        """Return any block."""
        repository, number = self._random.choice(self._places)
        return Block(repository, number, self.shape.teams)

    def blocks(self, count: int) -> list[Block]:
        """Return blocks, no two the same; every one where there are not more."""
        chosen = self._random.sample(self._places, min(count, len(self._places)))
        return [Block(repository, number, self.shape.teams) for repository, number in chosen]

    def image(self) -> tuple[Block, str]:
        """Return a block and the tag of one of its images."""
        block = self.block()
        return block, block.tag(self._random.randrange(OVER))

    def start_of_page(self) -> str:
        """Return the name of a repository that a whole page of others follows."""
        return name_of(self._random.randrange(self.shape.repositories - PAGE - 1))


@dataclass(frozen=True)
class Row:
    """One line of the table: `ask` makes a request of what a chooser chooses. None: measured in its own way.

    What looks at the whole registry by its nature has no bar.
    """

    key: str
    title: str
    ask: Callable[[Chooser], Request] | None = None
    has_bar: bool = True


def _manifest(chooser: Chooser) -> Request:
    block, tag = chooser.image()
    return Request("GET", f"/v2/{block.name}/manifests/{tag}")


def _tags(chooser: Chooser) -> Request:
    block, tag = chooser.image()
    return Request("GET", f"/v2/{block.name}/tags/list?n={PAGE}&last={tag}")


def _catalog(chooser: Chooser) -> Request:
    return Request("GET", f"/v2/_catalog?n={PAGE}&last={chooser.start_of_page()}")


def _repositories(chooser: Chooser) -> Request:
    return Request("GET", f"{OURS}/repositories?n={PAGE}&last={chooser.start_of_page()}")


def _images(chooser: Chooser) -> Request:
    return Request("GET", f"{OURS}/repositories/{chooser.block().name}/images?n={PAGE}")


def _untagged(chooser: Chooser) -> Request:
    return Request("GET", f"{OURS}/repositories/{chooser.block().name}/images?which=untagged&n={PAGE}")


def _show(chooser: Chooser) -> Request:
    block, tag = chooser.image()
    return Request("GET", f"{OURS}/repositories/{block.name}/image?reference={tag}")


def _history(chooser: Chooser) -> Request:
    block = chooser.block()
    return Request("GET", f"{OURS}/repositories/{block.name}/history?reference={block.tag(OVER)}")


def _past(chooser: Chooser) -> Request:
    return Request("GET", f"{OURS}/repositories/{chooser.block().name}/history?n={PAGE}")


def _log(chooser: Chooser) -> Request:
    return Request("GET", f"{OURS}/changes?n={PAGE}")


def _log_of_repository(chooser: Chooser) -> Request:
    return Request("GET", f"{OURS}/changes?n={PAGE}&repository={chooser.block().name}")


def _log_of_nobody(chooser: Chooser) -> Request:
    return Request("GET", f"{OURS}/changes?n={PAGE}&by=nobody")


def _trash(chooser: Chooser) -> Request:
    return Request("GET", f"{OURS}/trash?n={PAGE}")


def _trash_of_repository(chooser: Chooser) -> Request:
    return Request("GET", f"{OURS}/trash?n={PAGE}&repository={chooser.block().name}")


def _remove(**asked: object) -> Request:
    return Request("POST", f"{OURS}/remove", json.dumps({**asked, "dry_run": True}).encode())


def _remove_image(chooser: Chooser) -> Request:
    block, tag = chooser.image()
    return _remove(images=[f"{block.name}:{tag}"])


def _remove_signed(chooser: Chooser) -> Request:
    block = chooser.block()
    return _remove(images=[f"{block.name}:{block.tag(SIGNED)}"])


def _remove_pattern(chooser: Chooser) -> Request:
    block = chooser.block()
    return _remove(images=[f"{block.name}:1.{block.number}.*"])


def _remove_repository(chooser: Chooser) -> Request:
    return _remove(repositories=[chooser.block().name])


def _usage(chooser: Chooser) -> Request:
    return Request("GET", f"{OURS}/repositories/{chooser.block().name}/usage?n={PAGE}")


def _layers(chooser: Chooser) -> Request:
    return Request("GET", f"{OURS}/usage/layers?n={PAGE}")


def _layers_of_repository(chooser: Chooser) -> Request:
    return Request("GET", f"{OURS}/usage/layers?n={PAGE}&repository={chooser.block().name}")


READING = (
    Row("manifest", "manifest by tag", _manifest),
    Row("tags", f"tags of a repository, a page of {PAGE}", _tags),
    Row("catalog", f"catalog, a page of {PAGE}", _catalog),
    Row("repositories", f"`ls`: repositories with their sizes, a page of {PAGE}", _repositories),
    Row("images", f"`ls REPO`: images of a repository, a page of {PAGE}", _images),
    Row("untagged", f"`ls REPO --untagged`: a page of {PAGE}", _untagged),
    Row("show", "`show`: one image whole", _show),
    Row("history", "`history` of a tag", _history),
    Row("past", f"`history` of a repository, a page of {PAGE}", _past),
    Row("log", f"`log`: the newest {PAGE} changes", _log),
    Row("log-repository", f"`log` of a repository: its newest {PAGE} changes", _log_of_repository),
    Row("log-by", "`log --by` somebody who did nothing, which looks at every change", _log_of_nobody, has_bar=False),
    Row("trash", f"`trash`: the newest {PAGE}", _trash),
    Row("trash-repository", f"`trash` of a repository: its newest {PAGE}", _trash_of_repository),
    Row("rm-image", "dry run of `rm` of an image", _remove_image),
    Row("rm-signed", "the same of an image with a signature", _remove_signed),
    Row("rm-pattern", "dry run of `rm` of a repository's pattern, ten tags", _remove_pattern),
    Row("rm-repository", "dry run of `rm` of a whole repository, 20 to 400 tags", _remove_repository),
    Row("du-tags", "`du REPO`: what its tags take", _usage),
    Row("du-layers", f"`du --by layer`: the {PAGE} largest", _layers),
    Row("du-layers-repository", f"the {PAGE} largest of a repository", _layers_of_repository),
)
DELETE = Row("delete", "delete of a tag")
UNDO = Row("undo", "undo of that delete")
COLLECT = Row("collect", "round of the collector: 1,000 deleted images let go")
REAP = Row("reap", "the round after it: their 2,000 blobs off the disk")
ROWS = (*READING, DELETE, UNDO, COLLECT, REAP)
