"""What the histories found, each as the shortest one that shows it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.histories.bench import Bench
from tests.histories.model import Change, Model
from tests.histories.speaking import Voice
from tests.histories.universe import WORLD

PLACE = "team/api"


@pytest.fixture
def voice(tmp_path: Path) -> Iterator[Voice]:
    bench = Bench(tmp_path / "server", "days")
    yield Voice(bench, Model())
    bench.end()


def push(voice: Voice, name: str, tag: str) -> Change:
    voice.bring_blobs(PLACE, WORLD[name], None)
    assert voice.put(PLACE, WORLD[name], tag)
    return voice.model.changes[-1]


def test_a_tag_that_went_on_to_a_signature_goes_back_where_an_undo_by_force_wants_it(voice: Voice) -> None:
    push(voice, "image1", "latest")
    pushed = push(voice, "image0", "latest")
    push(voice, "sign0", "latest")
    voice.undo(pushed, "replace")
    assert voice.model.tips[PLACE]["latest"] == WORLD["image1"].digest


def test_rm_of_several_takes_what_one_of_them_held_in_either_order(voice: Voice) -> None:
    for order in (["two", "three"], ["three", "two"]):
        push(voice, "image2", "two")
        push(voice, "image3", "three")
        push(voice, "index signs 2", "signature")
        voice.delete(PLACE, "signature")
        voice.remove(PLACE, order, "image")
        assert voice.model.tips[PLACE] == {}


def test_undo_of_a_first_push_takes_the_parts_of_an_index_that_it_brought_back(voice: Voice) -> None:
    voice.put(PLACE, WORLD["index12"], "inner")
    voice.delete(PLACE, WORLD["index12"].digest)
    pushed = push(voice, "nest", "latest")
    push(voice, "image2", WORLD["image2"].digest)
    voice.undo(pushed, "refuse")
    assert voice.model.tips[PLACE] == {}
