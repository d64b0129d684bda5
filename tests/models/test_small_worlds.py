"""The tempting answer to each small question loses something; ours does not."""

from tests.models.appending import explore_appends
from tests.models.explorer import LOSS
from tests.models.small_worlds import explore_adoption, explore_rescue, explore_two_puts


def test_an_adopted_blob_needs_a_name_of_its_own() -> None:
    for tempting in ("same path", "same path, inode checked"):
        trace = explore_adoption(tempting).traces[LOSS]
        assert trace[-1] in ("reaper: unlink", "stock: 201")
        assert "stock: push finds the path, skips the bytes" in trace
    assert explore_adoption("key of its own").traces == {}


def test_a_rescue_brings_the_bytes_under_a_fresh_key() -> None:
    assert explore_rescue("same key").traces[LOSS] == (
        "condemn key 1",
        "reaper: removing key 1 times out",
        "key 1 is live again",
        "the late removal of key 1 is carried out",
    )
    assert explore_rescue("fresh key").traces == {}


def test_a_request_without_a_session_writes_nothing() -> None:
    assert explore_two_puts("doom the key").traces[LOSS] == (
        "PUT: our key is live, 201",
        "PUT: no session, the key is doomed, 404",
        "reaper: remove the key",
    )
    assert explore_two_puts("write nothing").traces == {}


def test_one_request_at_a_time_writes_to_an_upload() -> None:
    trace = explore_appends("append, compare, cut").traces[LOSS]
    assert {"P2: append y", "PUT: digest matches=True"} <= set(trace)
    assert explore_appends("lock the file").traces == {}
