"""What an operator holds and how long it sweeps with much about it: rows in the queue, live Jobs (their pods fit on no node), and others' pods beside them.

The others' pods are for a scheduler that isn't there: they cost the cluster nothing but to be listed. INDEXJOB_BENCH_SCALE, such as 0.1, is for less of
everything.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing
from statistics import median

from bench import bare
from bench.figures import Figure, at_most
from bench.on_cluster import NOWHERE, Ground, ground, memory_mib, shown
from bench.server import Server
from indexjob_operator.kubernetes_api import PODS
from tests.cluster.machine.commands import until
from tests.cluster.manifests import pod
from tests.cluster.operator.world import Operator

SUBJECT = "cluster_scale"
SCALE = float(os.environ.get("INDEXJOB_BENCH_SCALE", "1"))
QUEUED, LIVE, FOREIGN = int(10_000 * SCALE), int(1000 * SCALE), int(10_000 * SCALE)
SWEEPS = 5
LISTS = 7
NOBODYS = "codeindex.dev/index-job=none"
SWEEP_SECONDS = 5
PATIENCE_SECONDS = 600
SWEEP = "indexjob_sweep_duration_seconds"


def measure(_: Server) -> Iterator[Figure]:
    """Memory and sweeps."""
    with ground() as place:
        with closing(bare.Client(place.world.kubeconfig, place.world.space.name)) as client:
            client.create_all(PODS, [_foreign(number) for number in range(FOREIGN)])
            for cached, how in ((False, "exact"), (True, "from the API server's memory")):
                took = median(client.list_seconds(NOBODYS, cached=cached) for _number in range(LISTS))
                yield Figure(SUBJECT, f"a list of no pods among those of others, {how}", took * 1000, "ms")
        place.enqueue(QUEUED + LIVE)
        queue = {"concurrency": LIVE, "sweepSeconds": SWEEP_SECONDS}
        operator = place.operate(("true",), profiles={"default": NOWHERE}, queue=queue)
        began = time.monotonic()
        _until_live(place)
        note = f"{QUEUED:,} queued, {LIVE:,} live, {FOREIGN:,} foreign"
        yield Figure(SUBJECT, "rows launched, their pods unschedulable", LIVE / (time.monotonic() - began), "/s")
        sweeps = [_next_sweep(operator) for _number in range(SWEEPS)]
        yield Figure(SUBJECT, "the longest of five sweeps", max(sweeps), "s", at_most(3), note)
        yield Figure(SUBJECT, "memory of the operator, now", memory_mib(operator), "MiB", at_most(150), note)
        yield Figure(SUBJECT, "memory of the operator, at the most", memory_mib(operator, "VmHWM"), "MiB")


def _foreign(number: int) -> bare.Manifest:
    made = pod(f"foreign-{number}", "nobody.invalid/nothing", "true")
    made["spec"]["schedulerName"] = "nobody"
    return made


def _until_live(place: Ground) -> None:
    """Every Job has its pod, and its row says that it waits for a node."""
    live = "state = 'launching' AND reason = 'Unschedulable'"
    place.world.wait(lambda: place.count(live) == LIVE, f"{LIVE} Jobs wait for a node", PATIENCE_SECONDS)


def _next_sweep(operator: Operator) -> float:
    """How long the next one that begins from now on takes."""
    before = shown(operator)
    assert until(lambda: shown(operator)[f"{SWEEP}_count",] > before[f"{SWEEP}_count",], PATIENCE_SECONDS, every=0.2)
    after = shown(operator)
    number = after[f"{SWEEP}_count",] - before[f"{SWEEP}_count",]
    return (after[f"{SWEEP}_sum",] - before[f"{SWEEP}_sum",]) / number
