"""Rows of starting: from the process to its first 200 on /v2/."""

import os

from tools.bench.plan import Plan, Results
from tools.bench.rows import STARTING
from tools.bench.seeding import push_one
from tools.bench.seeds import small_image
from tools.bench.servers import Server

STARTS_A_ROUND = 2


def measure(plan: Plan, results: Results) -> None:
    """Measure the rows of starting that are wanted."""
    rows = {row.key: row for row in plan.wants(STARTING)}
    if not rows:
        return
    for kind in plan.kinds:
        with Server(kind, plan.place("starting", kind)) as server:
            push_one(server.address, small_image("bench/app", 1, layers=10))
    os.sync()
    for number, turn in enumerate(plan.turns(list(plan.kinds))):
        for start, kind in enumerate(turn * STARTS_A_ROUND):
            if "start" in rows:
                with Server(kind, plan.place("starting", kind)) as server:
                    results.add(rows["start"], kind.name, server.took)
            if "start-fresh" in rows:
                with Server(kind, plan.place(f"starting-{number}-{start}", kind)) as server:
                    results.add(rows["start-fresh"], kind.name, server.took)
