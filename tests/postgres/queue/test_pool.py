"""What waits for a connection can be cancelled, whatever becomes free at that moment."""

from __future__ import annotations

import asyncio

import pytest

from indexjob.queue.pool import Pool


@pytest.mark.parametrize("steps", range(12))
async def test_who_is_cancelled_just_as_a_connection_becomes_free_gets_none(database: str, steps: int) -> None:
    """A cancellation at each of the event loop's turns from the return on: some of them once were forgotten, and the waiter went on."""
    async with Pool(database, min_size=1, max_size=1, open=False, kwargs={"autocommit": True}) as pool:
        held = await pool.getconn()
        got = asyncio.Event()

        async def wait() -> None:
            async with pool.connection():
                got.set()
            await asyncio.sleep(3600)

        waiting = asyncio.create_task(wait())
        while not pool.get_stats().get("requests_waiting"):
            await asyncio.sleep(0)
        returning = asyncio.create_task(pool.putconn(held))
        for _ in range(steps):
            await asyncio.sleep(0)
        waiting.cancel()
        done, _ = await asyncio.wait({waiting}, timeout=60)
        assert done, f"it goes on, although cancelled; it had its connection: {got.is_set()}"
        assert waiting.cancelled()
        await returning
        async with asyncio.timeout(60), pool.connection() as connection:  # nobody kept it
            await connection.execute("SELECT 1")


async def test_the_connection_that_was_used_last_is_given_first(database: str) -> None:
    async with Pool(database, min_size=3, max_size=3, open=False) as pool:
        await pool.wait()
        async with pool.connection() as first, pool.connection() as second:
            pass  # the first is given back last
        assert first is not second
        for _ in range(5):
            async with pool.connection() as again:
                assert again is first
