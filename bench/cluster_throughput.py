"""Rows that become finished Jobs, beside the same number of bare Jobs: real pods, of a worker that ends at once.

In alternating rounds; a round begins when nothing is left of the one before. Ours ends when the last row is finished, the bare one when a watch has heard
of the last end. A Job is removed as soon as it is done with, on both sides. INDEXJOB_BENCH_JOBS says how many a side (in ROUNDS rounds together); what a
machine with two cores starts in three minutes are some 200.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing

from bench import bare
from bench.figures import Figure, alternating, at_most, ratio_of_rounds
from bench.on_cluster import AT_ONCE, Ground, ground
from bench.server import Server
from indexjob_operator.kubernetes_api import JOBS

SUBJECT = "cluster_throughput"
JOBS_A_SIDE = int(os.environ.get("INDEXJOB_BENCH_JOBS", "200"))
ROUNDS = 2
PATIENCE_SECONDS = 1800


def measure(_: Server) -> Iterator[Figure]:
    """Seconds by seconds."""
    count = max(1, JOBS_A_SIDE // ROUNDS)
    with ground() as place:
        took = _measured(place, count)
    for side, what in (("ours", "rows"), ("bare", "bare Jobs")):
        rate = ROUNDS * count / sum(took[side])
        yield Figure(SUBJECT, f"{what} that became finished Jobs", rate, "/s", note=f"{ROUNDS} rounds of {count:,}")
    ratio = ratio_of_rounds(took["ours"], took["bare"])
    name = f"{ROUNDS * count:,} rows to finished Jobs, by as many bare Jobs"
    yield Figure(SUBJECT, name, ratio, "x", at_most(1.3))


def _measured(place: Ground, count: int) -> dict[str, list[float]]:
    world = place.world
    took: dict[str, list[float]] = defaultdict(list)
    place.operate(("true",), profiles={"default": AT_ONCE}, queue={"concurrency": count})
    with (
        bare.watching(world.kubeconfig, world.space.name, world.database.admin) as seen,
        closing(bare.Client(world.kubeconfig, world.space.name)) as client,
    ):
        place.enqueue(1)
        seen.until(lambda: bool(seen.made), PATIENCE_SECONDS)
        like = client.like(next(iter(seen.made)))
        seen.until(lambda: len(seen.recorded) == 1, PATIENCE_SECONDS)
        for number, side in enumerate(alternating(ROUNDS, "ours", "bare")):
            world.wait(lambda: not world.space.list("jobs,pods"), "the round before is gone", PATIENCE_SECONDS)
            seen.ended.clear()
            seen.recorded.clear()
            began = time.monotonic()
            if side == "ours":
                place.enqueue(count)
                seen.until(lambda: len(seen.recorded) == count, PATIENCE_SECONDS)
            else:
                client.create_all(JOBS, [_brief(like, f"bare-{number}-{each}") for each in range(count)])
                seen.until(lambda: len(seen.ended) == count, PATIENCE_SECONDS)
            took[side].append(time.monotonic() - began)
    return took


def _brief(like: Callable[[str], bare.Manifest], name: str) -> bare.Manifest:
    job = like(name)
    job["spec"]["ttlSecondsAfterFinished"] = 0
    return job
