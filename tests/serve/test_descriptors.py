"""How a worker shares out its descriptors."""

import pytest

from refloat.main.descriptors import OURS, share_out


@pytest.mark.parametrize("limit", [64, 256, 1024, 4096, 20_000, 65_536, 524_288, 1_048_576])
def test_connections_and_bodies_never_take_what_the_worker_needs_itself(limit: int) -> None:
    share = share_out(limit)
    assert share.connections >= 12
    assert share.bodies >= 4
    assert share.connections + share.bodies <= limit - min(OURS, limit * 3 // 4)
