"""How long it takes from a Job's end until its row is finished: beyond the moment when a bare watch hears of that end.

Real pods, of a worker that ends at once. A row is finished when its notification is heard here, after the commit.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench import bare
from bench.figures import Figure, at_most, percentile
from bench.on_cluster import AT_ONCE, ground
from bench.server import Server

SUBJECT = "cluster_finish"
NAME = "Job finished to row finished, beyond the watch"
SAMPLES, SECONDS = 100, 60
"""As many as there is time for."""
UNDER_WAY = 2
PATIENCE_SECONDS = 90


def measure(_: Server) -> Iterator[Figure]:
    """Two Jobs at a time."""
    with ground() as place:
        world = place.world
        place.operate(("true",), profiles={"default": AT_ONCE})
        with bare.watching(world.kubeconfig, world.space.name, world.database.admin) as seen:
            asked, until = 0, time.monotonic() + SECONDS
            while asked < SAMPLES and time.monotonic() < until:
                place.enqueue(1)
                asked += 1
                least = asked - UNDER_WAY + 1
                seen.until(lambda least=least: len(seen.recorded) >= least, PATIENCE_SECONDS)
            seen.until(lambda: len(seen.ended) == len(seen.recorded) == asked, PATIENCE_SECONDS)
            late = [(at - seen.ended[bare.name_of(job)]) * 1000 for job, at in seen.recorded.items()]
    yield Figure(SUBJECT, f"{NAME}, p50", percentile(late, 50), "ms", at_most(20), f"{len(late)} Jobs")
    yield Figure(SUBJECT, f"{NAME}, p95", percentile(late, 95), "ms")
