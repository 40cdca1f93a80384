"""Tells each transition of the index jobs that a dispatcher on this machine runs, as it happens.

It looks from outside, at what is in the database, so it tells the truth also of what another dispatcher does. A job is looked at from its launch to its
end; an end that comes without a launch (coalesced, cancelled) is heard of by notification.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import UUID

import psycopg

from indexjob.queue import producer
from indexjob.queue.wakeup import FINISHED, listen

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexjob.queue.producer import Job

LOOK_SECONDS = 0.25
RECONNECT_SECONDS = 1.0


class Journal:
    """`tell(job)` is called once for each transition."""

    def __init__(self, database_url: str, tell: Callable[[Job], None]) -> None:
        self._database_url = database_url
        self._tell = tell
        self._seen: dict[UUID, tuple[object, ...]] = {}
        self._ended: set[UUID] = set()

    async def run(self) -> None:
        """Until cancelled; a lost connection is made again."""
        listening = asyncio.create_task(listen(lambda: self._database_url, FINISHED, self._heard))
        try:
            while True:
                with suppress(psycopg.Error):
                    async with await psycopg.AsyncConnection.connect(
                        self._database_url, autocommit=True, prepare_threshold=None
                    ) as connection:
                        while True:
                            await self.look(connection)
                            await asyncio.sleep(LOOK_SECONDS)
                await asyncio.sleep(RECONNECT_SECONDS)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def look(self, connection: psycopg.AsyncConnection) -> None:
        """Once: what has changed since the last look."""
        rows = await (await connection.execute("SELECT id FROM indexjob.active")).fetchall()
        ended, self._ended = self._ended, set()
        for job in await producer.read_jobs(connection, {row[0] for row in rows} | set(self._seen) | ended):
            now = (job.state, job.reason, job.attempts, job.launches)
            if self._seen.get(job.id) != now and (job.id in self._seen or job.id in ended or not job.finished):
                self._tell(job)
            self._seen[job.id] = now
        active = {row[0] for row in rows}
        self._seen = {
            job: seen for job, seen in self._seen.items() if job in active or seen[0] not in producer.FINISHED_STATES
        }

    def _heard(self, payload: str) -> None:
        with suppress(ValueError):
            self._ended.add(UUID(payload))
