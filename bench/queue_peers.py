"""Claiming and finishing, with all of the bookkeeping, beside the queues that people use today; all on one server, with fsync on.

Ours is one leader: the operator's own dispatcher claims, and ends are recorded on other connections beside that, many in a call, as the recorder does when
many end at once. "One job a call" shows the other extreme.
The peers are the real ones, as they come. Each side has the same number of jobs queued, each of a repository of its own, and its connections have done
their first calls (which read the catalogue, and plan) before the clock runs: those of an operator live for as long as it does.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Iterator
from datetime import timedelta
from uuid import UUID

from psycopg_pool import AsyncConnectionPool

from bench.figures import Figure, alternating, at_least, ratio_of_rounds
from bench.peers import pgboss, procrastinate
from bench.server import Server, connect, settle
from indexjob.queue.leader import FinishedLaunch, LeaderQueue
from indexjob_operator import recorder
from indexjob_operator.dispatcher import BATCH, Dispatcher

SUBJECT = "queue_peers"
ROUNDS = 5
QUEUED = 5000
RECORDERS = recorder.AT_ONCE
CONNECTIONS = 2 + RECORDERS
WARM_UP = 4
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
    options = {"autocommit": True, "prepare_threshold": None}
    async with AsyncConnectionPool(url, min_size=CONNECTIONS, max_size=CONNECTIONS, kwargs=options) as pool:
        queue = await LeaderQueue.elect(pool, "bench", timedelta(minutes=10))
        assert queue
        for _ in range(WARM_UP):
            await asyncio.gather(*(_claim_and_finish(queue) for _ in range(2 * CONNECTIONS)))
        began = time.perf_counter()
        finished = await _beside_each_other(queue, wanted, batch)
        seconds = time.perf_counter() - began
        await queue.close()
        return finished / seconds


async def _beside_each_other(queue: LeaderQueue, wanted: int, batch: int) -> int:
    """One claims, the others record the ends of what it has claimed: how many ended."""
    claimed: list[tuple[UUID, Awaitable[None]]] = []
    finished = 0
    some = asyncio.Event()

    async def record() -> None:
        nonlocal finished, claimed
        while finished < wanted:
            if not claimed:
                some.clear()
                await some.wait()
            ended, claimed = claimed[: recorder.BATCH], claimed[recorder.BATCH :]
            await asyncio.gather(*map(asyncio.shield, {confirmed for _, confirmed in ended}))
            done = len(await _finish(queue, [job for job, _ in ended])) if ended else 0
            finished += done
        some.set()

    def take(job: UUID, confirmed: Awaitable[None]) -> None:
        claimed.append((job, confirmed))
        some.set()

    dispatcher = Dispatcher(queue, take, concurrency=QUEUED, namespace="bench", batch=batch)
    async with asyncio.TaskGroup() as tasks:
        claiming = tasks.create_task(dispatcher.run())
        await asyncio.gather(*(record() for _ in range(RECORDERS)))
        claiming.cancel()
    return finished


async def _claim_and_finish(queue: LeaderQueue) -> None:
    await _finish(queue, await queue.claim(1, QUEUED, "bench"))


async def _finish(queue: LeaderQueue, jobs: list[UUID]) -> set[UUID]:
    return await queue.record_finished(
        [FinishedLaunch(job, 1, "PermanentError", "There is no such revision.") for job in jobs]
    )
