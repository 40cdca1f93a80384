"""How long it takes from COMMIT until the Job is there, beside a bare create of the same Job.

Both are seen by one watch of this process. Each of ours follows on a bare one, or the other way round: what else goes on is the same for both. The pods
fit on no node, so that what is measured is not disturbed by what it starts.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import closing

import psycopg

from bench import bare
from bench.figures import Figure, alternating, at_most, percentile
from bench.on_cluster import NOWHERE, Ground, ground
from bench.server import Server
from indexjob_operator.kubernetes_api import JOBS

SUBJECT = "cluster_launch"
SAMPLES = 150
WARM_UP = 5
PAUSE_SECONDS = (0.2, 0.35)
"""Longer than the dispatcher stays awake after a claim."""
PATIENCE_SECONDS = 30


def measure(_: Server) -> Iterator[Figure]:
    """COMMIT to Job, and what of it a bare create would have taken."""
    with ground() as place:
        ours, plain = _measured(place)
    for percent, bound in ((50, 15), (99, 60)):
        row, create = percentile(ours, percent), percentile(plain, percent)
        yield Figure(SUBJECT, f"COMMIT to Job, p{percent}", row, "ms")
        yield Figure(SUBJECT, f"bare create to Job, p{percent}", create, "ms")
        yield Figure(SUBJECT, f"COMMIT to Job beyond a bare create, p{percent}", row - create, "ms", at_most(bound))


def _measured(place: Ground) -> tuple[list[float], list[float]]:
    world = place.world
    took: dict[str, list[float]] = {"ours": [], "bare": []}
    place.operate(("true",), profiles={"default": NOWHERE}, queue={"concurrency": 1000})
    with (
        bare.watching(world.kubeconfig, world.space.name, world.database.admin) as seen,
        closing(bare.Client(world.kubeconfig, world.space.name)) as client,
        psycopg.connect(world.database.admin, autocommit=True) as producer,
    ):

        def ours(number: int) -> float:
            with producer.transaction():
                row = producer.execute(
                    "SELECT indexjob.enqueue('https://example.org/team/r' || %s)", (number,)
                ).fetchone()
                began = time.time()
            assert row
            name = bare.name_of(row[0])
            seen.until(lambda: name in seen.made, PATIENCE_SECONDS)
            return (seen.made[name] - began) * 1000

        for number in range(WARM_UP):
            ours(-number)
        like = client.like(next(iter(seen.made)))

        def plain(number: int) -> float:
            manifest = like(f"bare-{number}")
            began = time.time()
            client.create(JOBS, manifest)
            seen.until(lambda: f"bare-{number}" in seen.made, PATIENCE_SECONDS)
            return (seen.made[f"bare-{number}"] - began) * 1000

        for number, side in enumerate(alternating(SAMPLES, *took), start=1):
            time.sleep(random.uniform(*PAUSE_SECONDS))
            took[side].append(ours(number) if side == "ours" else plain(number))
    return took["ours"], took["bare"]
