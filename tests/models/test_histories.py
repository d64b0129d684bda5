"""Random histories on the real database, collection included: what is due goes, and nothing else.

`test_references.py` runs every short history of the rules; here they are long, in two repositories that
share blobs, days pass, and the collector prunes, sweeps and condemns. `make proof` makes them longer.
"""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from refloat.blobs.filesystem import FileBlobs
from tests.models.months import REPOSITORIES, Request, live_through, requests


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileBlobs]:
    store = FileBlobs(tmp_path_factory.mktemp("blobs") / "refloat", reserve=0.0)
    yield store
    store.close()


API = REPOSITORIES[0]
LATE_CHILD = [
    ("push sparse index", API, "t", "ab"),
    ("push", API, "u", "b"),
    ("delete digest", API, "t", "b"),
    ("rm", API, "t", ""),
    ("days pass", API, "t", "12"),
    ("undo", API, "t", "1"),
]

LATE_CHILD_AS_A_BLOB = [("keep as a blob", API, "t", "b"), *LATE_CHILD]
LATE_BLOB = [LATE_CHILD[0], ("keep as a blob", API, "t", "b"), *LATE_CHILD[1:]]


@example(history=LATE_CHILD)
@example(history=LATE_CHILD_AS_A_BLOB)
@example(history=LATE_BLOB)
@given(history=st.lists(requests, min_size=5, max_size=25))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_due_goes_and_nothing_else(blobs: FileBlobs, history: list[Request]) -> None:
    live_through(blobs, history)
