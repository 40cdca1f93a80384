"""How long it takes from COMMIT until the worker's process is executed, through the real operator of one machine.

The producer's clock is read right before COMMIT is sent. The worker is a shell that notes the time as the first thing it does (bash's EPOCHREALTIME,
so some 2 ms of its own start are counted in) and then ends with exit code 65, which is permanent: one process a job. What runs, waits and is enqueued
meanwhile is on the same machine. The 1,000 rows a second are single transactions of pgbench, of a tenant that is at its cap.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from bench.figures import Figure, at_most, percentile
from bench.server import Server, connect
from indexjob.embedded.binaries import installed

SUBJECT = "latency"
IDLE_SAMPLES, BUSY_SAMPLES = 150, 60
PAUSE_SECONDS = (0.25, 0.45)
"""Longer than the dispatcher stays awake after a claim."""
FLOOD_A_SECOND = 1000
PATIENCE_SECONDS = 30
FLOOD = (
    "\\set n random(1, 1000000000)\nSELECT indexjob.enqueue('https://example.org/flood/r' || :n, tenant => 'flood');\n"
)


def measure(server: Server) -> Iterator[Figure]:
    """At idle, and while others enqueue."""
    with (
        server.database() as url,
        tempfile.TemporaryDirectory(prefix="indexjob-bench-") as folder,
        _dispatching(url, Path(folder)) as noted,
    ):
        with connect(url) as connection:
            connection.execute("INSERT INTO indexjob.tenants (name, cap) VALUES ('flood', 0)")
        _latencies(url, noted, 3)
        idle = _latencies(url, noted, IDLE_SAMPLES)
        yield Figure(SUBJECT, "COMMIT to exec at idle, p50", percentile(idle, 50), "ms", at_most(25))
        yield Figure(SUBJECT, "COMMIT to exec at idle, p99", percentile(idle, 99), "ms", at_most(100))
        with _flood(url):
            time.sleep(2)
            before, began = _waiting(url), time.monotonic()
            busy = _latencies(url, noted, BUSY_SAMPLES)
            rate = (_waiting(url) - before) / (time.monotonic() - began)
        name = f"COMMIT to exec while {FLOOD_A_SECOND:,} rows a second are enqueued, p50"
        yield Figure(SUBJECT, name, percentile(busy, 50), "ms", at_most(100))
        yield Figure(SUBJECT, "rows that were enqueued meanwhile", rate, "/s")


def _latencies(url: str, noted: Path, samples: int) -> list[float]:
    committed: dict[UUID, float] = {}
    with connect(url) as connection:
        for number in range(samples):
            with connection.transaction():
                row = connection.execute(
                    "SELECT indexjob.enqueue('https://example.org/team/r' || %s)", (number,)
                ).fetchone()
                now = time.time()
            assert row
            committed[row[0]] = now
            time.sleep(random.uniform(*PAUSE_SECONDS))
    until = time.monotonic() + PATIENCE_SECONDS
    while not committed.keys() <= (executed := _executed(noted)).keys():
        assert time.monotonic() < until, f"{len(committed.keys() - executed.keys())} jobs were not executed"
        time.sleep(0.1)
    return [(executed[job] - at) * 1000 for job, at in committed.items()]


def _executed(noted: Path) -> dict[UUID, float]:
    """When each job's process said that it runs; the launch's name, `<id>-<launch>`, is in its workspace's path."""
    lines = (line.split() for line in noted.read_text().splitlines())
    return {
        UUID(next(p for p in Path(folder).parts if len(p) > 36 and p[8] == "-")[:36]): float(at) for at, folder in lines
    }


def _waiting(url: str) -> int:
    with connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM indexjob.index_jobs").fetchone()
    assert row
    return int(row[0])


@contextmanager
def _dispatching(url: str, folder: Path) -> Iterator[Path]:
    noted = folder / "executed"
    noted.touch()
    worker = ("bash", "--noprofile", "--norc", "-c", f'echo "$EPOCHREALTIME $PWD" >> {noted}; exit 65', "worker")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.dispatching", str(folder / "workspaces"), "8", *worker],
            env=os.environ | {"INDEXJOB_DATABASE_URL": url},
            stdout=log,
            stderr=log,
        )
        try:
            yield noted
        finally:
            process.terminate()
            process.wait()


@contextmanager
def _flood(url: str) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "transaction.sql"
        path.write_text(FLOOD)
        process = subprocess.Popen(
            [
                *(installed() / "bin" / "pgbench", "-n", "-c", "8", "-j", "1", "-T", "600"),
                *("-R", str(FLOOD_A_SECOND), "-M", "prepared", "-f", path, url),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait()
