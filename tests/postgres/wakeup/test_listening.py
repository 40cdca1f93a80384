"""Wake-ups: sent by every commit that brings work, heard again after the connection was lost, silenced by nobody's open transaction."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from indexjob.queue import wakeup

ENQUEUE = "SELECT indexjob.enqueue('https://example.org/x')"


class Listener:
    """What `listen` hears, and which backend serves it."""

    def __init__(self, database: str) -> None:
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self.database = database

    async def next(self, within: float = 10) -> str:
        async with asyncio.timeout(within):
            return await self.heard.get()

    def backend(self) -> int:
        with psycopg.connect(self.database) as admin:
            row = admin.execute(
                "SELECT max(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).fetchone()
        assert row
        return int(row[0])


@asynccontextmanager
async def listening(database: str, channel: str = wakeup.WAKE) -> AsyncIterator[Listener]:
    listener = Listener(database)
    task = asyncio.create_task(wakeup.listen(lambda: database, channel, listener.heard.put_nowait))
    try:
        assert await listener.next() == "", "it says that it has connected: what came before may have been missed"
        yield listener
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def run(database: str, statement: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(statement.encode())


async def test_a_listener_that_was_cut_off_connects_again_and_says_so(database: str) -> None:
    async with listening(database) as listener:
        run(database, f"SELECT pg_terminate_backend({listener.backend()})")
        assert await listener.next() == ""
        run(database, ENQUEUE)
        assert await listener.next() == ""


async def test_a_connection_that_went_silent_is_given_up(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the network between is dead: no packet, no error. Here the backend is frozen."""
    monkeypatch.setattr(wakeup, "CHECK_SECONDS", 0.5)
    async with listening(database) as listener:
        backend = listener.backend()
        os.kill(backend, signal.SIGSTOP)
        try:
            assert await listener.next() == "", "a new connection"
            run(database, ENQUEUE)
            await listener.next()
        finally:
            os.kill(backend, signal.SIGCONT)


async def test_an_open_producer_transaction_silences_nobody(database: str) -> None:
    async with listening(database) as listener:
        with psycopg.connect(database) as open_one:
            open_one.execute(ENQUEUE)
            for _ in range(20):
                run(database, ENQUEUE)
                await listener.next(5)
            assert listener.heard.empty()
        await listener.next(5)


@pytest.mark.parametrize("what", ["cancel", "suspend"])
async def test_steering_wakes_the_leader(database: str, what: str) -> None:
    run(database, ENQUEUE)
    async with listening(database) as listener:
        run(database, f"SELECT indexjob.{what}(id) FROM indexjob.jobs")
        await listener.next(5)


async def test_a_statement_with_many_rows_notifies_once(database: str) -> None:
    async with listening(database) as listener:
        run(database, "SELECT indexjob.enqueue('https://example.org/' || n) FROM generate_series(1, 1000) AS n")
        await listener.next(5)
        await asyncio.sleep(0.2)
        assert listener.heard.empty()
