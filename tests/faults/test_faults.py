"""A short run of the proof, the proofs of the proof, and a server whose disk fails."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.library import NoCompiler, build
from tests.faults.operations import OPERATIONS
from tests.faults.proof import PART, enter, fail
from tests.faults.trial import HOW
from tests.serve.program import Program, eventually
from tools.content import make_content
from tools.proof.part import Effort, Outcome
from tools.wire import Wire

EVERY = 90  # calls: `make proof` lets each fail


@pytest.fixture(scope="module")
def library() -> Path:
    try:
        return build()
    except NoCompiler as missing:
        pytest.skip(f"{missing}")


def outcome_of(place: Path, names: list[str], every: dict[str, int], plant: str = "") -> Outcome:
    outcome = Outcome()
    for told in fail(Effort(1, 0, place), names, every, plant):
        enter(outcome, told)
    return outcome


@pytest.mark.usefixtures("library")
def test_a_disk_that_fails_loses_nothing_and_the_process_goes_on(tmp_path: Path) -> None:
    outcome = outcome_of(tmp_path, list(OPERATIONS), dict.fromkeys(HOW, EVERY))
    assert (outcome.lost, outcome.notes) == (0, [])
    assert outcome.tried > 4 * len(OPERATIONS)


@pytest.mark.usefixtures("library")
def test_an_fsync_that_is_asked_again_is_found(tmp_path: Path) -> None:
    assert PART.run_planted(Effort(1, 0, tmp_path)).is_red


@pytest.mark.usefixtures("library")
def test_a_commit_that_is_believed_is_found(tmp_path: Path) -> None:
    assert outcome_of(tmp_path, ["cancel"], {"EIO": 4}, "commit").is_red


@pytest.fixture
def failing(library: Path, tmp_path: Path) -> Callable[[], Program]:
    """A server whose syncs of blobs and of their directories fail while the file `fail` exists."""

    def start() -> Program:
        return Program(
            tmp_path, LD_PRELOAD=str(library), FAIL_UNDER=str(tmp_path / "root" / "refloat" / "objects"),
            FAIL_WHILE=str(tmp_path / "fail"), FAIL_ERRNO="5", FAIL_ONLY="fsync",
            REGISTRY_REFLOAT_WORKERS="1", REGISTRY_HTTP_DRAINTIMEOUT="100ms",
        )  # fmt: skip

    return start


def test_a_worker_that_cannot_seal_is_replaced_when_the_fault_is_over(
    failing: Callable[[], Program], tmp_path: Path
) -> None:
    content, marker = make_content("sealing"), tmp_path / "fail"
    with failing() as program:
        wire = Wire(program.url.removeprefix("http://"))
        wire.push("team/api", "v1", content)
        workers = program.workers()
        marker.touch()
        refused = wire.ask("POST", f"/v2/team/api/blobs/uploads/?digest={OTHER}", b"other", Content_Length="5")
        assert refused.status == 503
        marker.unlink()
        assert all(wire.read("team/api", part).body == part.body for part in content.everything)
        eventually(lambda: program.workers() not in (workers, []), "no new worker was started")
        assert "the blob store failed, this worker writes nothing more" in program.said()
        wire.push("team/api", "v2", make_content("sealed"))


OTHER = "sha256:d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa"
