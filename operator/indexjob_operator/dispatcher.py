"""Claims index jobs while there is room, soon after they are committed.

It waits for a wake-up, then looks every few milliseconds until it is quiet (a commit whose notification another one carried is seen by
that), and looks by itself from time to time: notifications are hints.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from indexjob_operator.faults import reach

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from indexjob.queue.leader import LeaderQueue

BATCH = 200
"""Rows claimed at once: few enough that what comes in meanwhile with a higher priority is not kept waiting."""
SPACING_SECONDS = 0.01
"""Between two claims, however often it is woken."""
QUICK_POLL_SECONDS = 0.02
QUIET_POLLS = 5
SLOW_POLL_SECONDS = 2.0


class Dispatcher:
    """Keeps up to `concurrency` launches under way.

    `claimed` is told of each new one before the claim is on the disk, and what to await for that: all but the launch itself may be done meanwhile.
    """

    def __init__(
        self,
        queue: LeaderQueue,
        claimed: Callable[[UUID, Awaitable[None]], None],
        *,
        concurrency: int,
        namespace: str | None = None,
        batch: int = BATCH,
    ) -> None:
        self._queue = queue
        self._claimed = claimed
        self._concurrency = concurrency
        self._namespace = namespace
        self._batch = batch
        self._wake = asyncio.Event()
        self._heard = False
        self.draining = False

    def wake(self) -> None:
        """Something was enqueued, or fell due: more may be about to be seen."""
        self._heard = True
        self._wake.set()

    def look(self) -> None:
        """There may be room again: once is enough, for what became free is to be seen."""
        self._wake.set()

    async def run(self) -> None:
        """Claim until cancelled."""
        quiet = 0
        while True:
            quiet = 0 if await self.run_once() else quiet + 1
            await asyncio.sleep(SPACING_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(QUICK_POLL_SECONDS if quiet < QUIET_POLLS else SLOW_POLL_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            if self._heard:
                quiet, self._heard = 0, False

    async def run_once(self) -> int:
        """Claim what there is room for: how many."""
        total = 0
        claimed = await self._claim()
        while claimed:
            # While these are written to the disk, the next are claimed.
            following = asyncio.ensure_future(self._claim()) if len(claimed) >= self._batch else None
            confirmed = asyncio.ensure_future(self._queue.confirm_claims())
            for job_id in claimed:
                self._claimed(job_id, confirmed)
            try:
                await asyncio.shield(confirmed)  # others wait for it
            except BaseException:
                if following:
                    following.cancel()
                raise
            total += len(claimed)
            claimed = await following if following else []
        return total

    async def _claim(self) -> list[UUID]:
        if self.draining:
            return []
        reach("claiming")
        claimed = await self._queue.claim(self._batch, self._concurrency, self._namespace)
        if claimed:
            reach("claimed")
        return claimed
