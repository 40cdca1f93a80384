"""Records the ends of launches: those that come while a call is under way go into the next. So a thousand ends cost a few commits, and one waits for none.

A row that another transaction holds, and whatever else is wrong with one of them, is that one's alone: what a call of many did not record is asked for again
by itself, and its own reconciler hears how that went.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors

if TYPE_CHECKING:
    from indexjob.queue.leader import FinishedLaunch, LeaderQueue

BATCH = 200
"""Ends recorded in one call."""
AT_ONCE = 2
"""Calls under way: while one waits for its commit, the next is on its way."""
OF_ONE_ROW = (errors.LockNotAvailable, psycopg.DataError, psycopg.IntegrityError)
"""Refusals of a call of many that need be no fault of the others."""


class Recorder:
    """See above. It belongs to one term: with the lease lost, every call fails."""

    def __init__(self, queue: LeaderQueue) -> None:
        self._queue = queue
        self._line: list[tuple[FinishedLaunch, asyncio.Future[bool]]] = []
        self._under_way = 0
        self._calls: set[asyncio.Task[None]] = set()

    async def finish(self, ended: FinishedLaunch) -> bool:
        """End a launch for good; whether it was this that did it.

        Raises:
            LeadershipLostError: another operator leads.
            psycopg.Error: it could not be recorded (now).
        """
        recorded: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._line.append((ended, recorded))
        if self._under_way < AT_ONCE:
            self._under_way += 1
            call = asyncio.create_task(self._record())
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)
        return await recorded

    async def _record(self) -> None:
        try:
            while self._line:
                batch, self._line = self._line[:BATCH], self._line[BATCH:]
                await self._record_together(batch)
        finally:
            self._under_way -= 1

    async def _record_together(self, batch: list[tuple[FinishedLaunch, asyncio.Future[bool]]]) -> None:
        if len(batch) == 1:
            await self._record_alone(*batch[0])
            return
        try:
            done = await self._queue.record_finished([ended for ended, _ in batch])
        except OF_ONE_ROW:
            done = set()
        except Exception as error:  # noqa: BLE001 - whatever it is: who waits for an answer gets one
            for _, recorded in batch:
                _refuse(recorded, error)
            return
        for ended, recorded in batch:
            if ended.id in done:
                _answer(recorded, done=True)
            else:
                await self._record_alone(ended, recorded)

    async def _record_alone(self, ended: FinishedLaunch, recorded: asyncio.Future[bool]) -> None:
        try:
            _answer(recorded, done=ended.id in await self._queue.record_finished([ended]))
        except Exception as error:  # noqa: BLE001 - as above
            _refuse(recorded, error)


def _answer(recorded: asyncio.Future[bool], *, done: bool) -> None:
    if not recorded.done():  # nobody waits any more: the term is over
        recorded.set_result(done)


def _refuse(recorded: asyncio.Future[bool], error: Exception) -> None:
    if not recorded.done():
        recorded.set_exception(error)
