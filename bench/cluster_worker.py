"""How much of its own time a worker takes until its first file is parsed: from the start of its container's process, with all that it imports and connects to.

Real launches of the real image, of a repository with one file. Only what passes while `clone` or `index` runs is counted, not what the cluster takes to
start a container. The end is the line that says that all (one) files are extracted and stored, so the figure is an upper bound.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from statistics import median

from bench.figures import Figure, NotMeasuredError, at_most
from bench.on_cluster import Ground, ground
from bench.server import Server
from tests.cluster.machine import builders
from tests.cluster.operator.world import SMALL

SUBJECT = "cluster_worker"
RUNS = 7
CLOCKED = """date +%s.%N >&2; python -m indexjob_worker "$@"; code=$?; date +%s.%N >&2; exit $code"""
KEPT = {**SMALL, "ttlSecondsAfterFinished": 3600}


def measure(_: Server) -> Iterator[Figure]:
    """The median of some runs."""
    with ground() as place:
        if place.cluster.load is None:
            raise NotMeasuredError("images can't be brought to this cluster")
        place.cluster.load(builders.build()["worker"])
        world = place.world
        place.operate(
            profiles={"default": KEPT},
            worker={"image": builders.tag("worker"), "command": ["sh", "-c", CLOCKED, "worker"]},
        )
        clones, indexes = [], []
        for number in range(RUNS):
            world.repository(f"r{number}")
            job = world.enqueue(f"r{number}")
            row = world.wait_for_end(job)
            assert row["state"] == "completed", world.story()
            clones.append(_clone_seconds(place, job))
            indexes.append(_index_seconds(place, job))
    both = median(a + b for a, b in zip(clones, indexes, strict=True))
    yield Figure(SUBJECT, "clone, from its process's start to its end", median(clones), "s", note=f"{RUNS} runs")
    yield Figure(SUBJECT, "index, from its process's start to the first file", median(indexes), "s")
    yield Figure(SUBJECT, "image to first file parsed, of the worker's own time", both, "s", at_most(1))


def _clone_seconds(place: Ground, job: str) -> float:
    first, *_, last = _lines(place, job, "clone")
    return float(last) - float(first)


def _index_seconds(place: Ground, job: str) -> float:
    first, *lines = _lines(place, job, "index")
    told = [json.loads(line) for line in lines if line.startswith("{")]
    (extracted,) = (line for line in told if line["action"] == "extracted")
    return datetime.fromisoformat(extracted["time"]).timestamp() - float(first)


def _lines(place: Ground, job: str, container: str) -> list[str]:
    return place.world.space("logs", f"job/{job}-1", "-c", container).split("\n")[:-1]
