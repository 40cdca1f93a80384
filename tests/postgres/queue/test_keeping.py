"""What the operator writes and reads of the queue beside running jobs: tenants' shares, the queue's depth, what is forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from indexjob.queue.leader import LeaderQueue
from indexjob_operator.retention import Retention
from indexjob_operator.settings import Share
from indexjob_operator.tenants import write_tenants


@pytest.fixture
async def pool(database: str) -> AsyncIterator[AsyncConnectionPool]:
    async with AsyncConnectionPool(database, min_size=1, max_size=2, open=False, kwargs={"autocommit": True}) as pool:
        yield pool


@pytest.fixture
async def queue(pool: AsyncConnectionPool) -> LeaderQueue:
    queue = await LeaderQueue.elect(pool, "test", timedelta(seconds=60))
    assert queue
    return queue


def ask(database: str, query: str, *values: object) -> list[tuple[object, ...]]:
    with psycopg.connect(database, autocommit=True) as connection:
        cursor = connection.execute(query.encode(), values)
        return cursor.fetchall() if cursor.description else []


async def test_shares_are_written_and_what_is_not_named_stays(database: str, pool: AsyncConnectionPool) -> None:
    ask(database, "INSERT INTO indexjob.tenants (name, cap) VALUES ('theirs', 7)")
    await write_tenants(pool, {"default": Share(cap=3, weight=2), "new": Share(role="indexjob_tenant_default")})
    await write_tenants(pool, {"new": Share(cap=0)})
    assert ask(database, "SELECT name, role, cap, weight FROM indexjob.tenants ORDER BY name") == [
        ("default", "indexjob_tenant_default", 3, 2),
        ("new", "indexjob_tenant_default", 0, 1),
        ("theirs", None, 7, 1),
    ]


async def test_the_depth_counts_what_is_unfinished_by_tenant_and_state(database: str, queue: LeaderQueue) -> None:
    for n in range(3):
        ask(database, "SELECT indexjob.enqueue(%s)", f"https://example.org/r{n}")
    ask(
        database,
        "SELECT indexjob.enqueue('https://example.org/later', run_after => now() + interval '1 hour', tenant => 'b')",
    )
    ((suspended,),) = ask(database, "SELECT indexjob.enqueue('https://example.org/s', tenant => 'b')")
    ask(database, "SELECT indexjob.suspend(%s)", suspended)
    assert len(await queue.claim(1, 1, None)) == 1
    ask(
        database,
        "UPDATE indexjob.index_jobs SET created_at = now() - interval '1 minute', run_after = now() - interval '1 minute' WHERE tenant = 'default'",
    )
    found = {(depth.tenant, depth.state): depth for depth in await queue.depths()}
    assert {key: depth.jobs for key, depth in found.items()} == {
        ("default", "queued"): 2, ("default", "launching"): 1, ("b", "queued"): 1, ("b", "suspended"): 1,
    }  # fmt: skip
    assert 59 < found["default", "queued"].oldest_seconds < 120
    assert found["b", "queued"].oldest_seconds == 0


async def test_old_finished_jobs_are_forgotten_now_and_then(database: str, queue: LeaderQueue) -> None:
    jobs = [ask(database, "SELECT indexjob.enqueue(%s)", f"https://example.org/r{n}")[0][0] for n in range(2)]
    for job in jobs:
        ask(database, "SELECT indexjob.cancel(%s)", job)
    ask(database, "UPDATE indexjob.index_jobs SET finished_at = now() - interval '2 days' WHERE id <> %s", jobs[1])
    retention = Retention(keep_finished=timedelta(days=1))
    await retention.run_if_due(queue)
    assert ask(database, "SELECT id FROM indexjob.index_jobs") == [(jobs[1],)]
    ask(database, "UPDATE indexjob.index_jobs SET finished_at = now() - interval '2 days'")
    await retention.run_if_due(queue)  # not due yet
    assert len(ask(database, "SELECT id FROM indexjob.index_jobs")) == 1
