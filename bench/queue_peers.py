"""Claiming and finishing, with all of the bookkeeping, beside the queues that people use today; all on one server, with fsync on.

Ours is one leader, through the operator's own client, claiming 50 rows in a call and recording their ends 50 in a call; the calls of one leader come one
after the other, by design, so it uses one core where four fetchers use all. (The operator itself claims 50 at a time, and records each end as it comes:
"one job a call" shows both that way.) The peers are the real ones, as they come. Each side has the same number of jobs queued, each of a repository
of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta

from psycopg_pool import AsyncConnectionPool

from bench.figures import Figure, alternating, at_least, ratio_of_rounds
from bench.peers import pgboss, procrastinate
from bench.server import Server, connect, settle
from indexjob.queue.leader import FinishedLaunch, LeaderQueue

SUBJECT = "queue_peers"
ROUNDS = 3
QUEUED = 5000
BATCH = 50
WANTED = {"ours": 4000, "pg-boss 50": 4000, "pg-boss 1": 400, "ours 1": 400, "procrastinate": 400}


def measure(server: Server) -> Iterator[Figure]:
    """Claim and finish: our rate by theirs."""
    rates: dict[str, list[float]] = defaultdict(list)
    with server.database() as ours, server.database(migrated=False) as theirs:
        pgboss.installed()
        for side in alternating(ROUNDS, *WANTED):
            rates[side].append(_rate(side, ours, theirs))
    for side, values in rates.items():
        yield Figure(SUBJECT, f"claim + finish, {side}", sorted(values)[len(values) // 2], "/s")
    for peer, bound in (("procrastinate", 1.5), ("pg-boss 50", 1), ("pg-boss 1", 1)):
        ratio = ratio_of_rounds(rates["ours"], rates[peer])
        yield Figure(SUBJECT, f"claim + finish by {peer}", ratio, "x", at_least(bound))
    for peer in ("procrastinate", "pg-boss 1"):
        ratio = ratio_of_rounds(rates["ours 1"], rates[peer])
        yield Figure(SUBJECT, f"claim + finish, one job a call, by {peer}", ratio, "x")


def _rate(side: str, ours: str, theirs: str) -> float:
    wanted = WANTED[side]
    if side.startswith("ours"):
        return asyncio.run(_ours(ours, wanted, 1 if side == "ours 1" else BATCH))
    if side == "procrastinate":
        return asyncio.run(procrastinate.jobs_a_second(theirs, queued=QUEUED, wanted=wanted))
    return pgboss.jobs_a_second(theirs, queued=QUEUED, wanted=wanted, batch=int(side.removeprefix("pg-boss ")))


async def _ours(url: str, wanted: int, batch: int) -> float:
    with connect(url) as connection:
        connection.execute("TRUNCATE indexjob.index_jobs, indexjob.slots CASCADE")
        connection.execute("UPDATE indexjob.lease SET expires_at = '-infinity'")
        connection.execute(
            "SELECT indexjob.enqueue('https://example.org/team/r' || n) FROM generate_series(1, %s) n", (QUEUED,)
        )
        settle(connection)
    connections = {"autocommit": True, "prepare_threshold": None}
    async with AsyncConnectionPool(url, min_size=1, max_size=1, kwargs=connections) as pool:
        queue = await LeaderQueue.elect(pool, "bench", timedelta(minutes=10))
        assert queue
        finished = 0
        began = time.perf_counter()
        while finished < wanted:
            claimed = await queue.claim(batch, batch, "bench")
            ends = [FinishedLaunch(job, 1, "PermanentError", "There is no such revision.") for job in claimed]
            finished += len(await queue.record_finished(ends))
        return finished / (time.perf_counter() - began)
