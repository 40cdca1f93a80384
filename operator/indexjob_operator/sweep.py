"""Compares, from time to time, all unfinished rows with all launches: what a lost event, a crash or a stranger left undone is done here.

It decides nothing: it names the index jobs that want looking at, has the queue mend itself, and takes down launches that no row knows.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from indexjob_operator import metrics

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from indexjob.queue.leader import LeaderQueue
    from indexjob_operator.retention import Retention
    from indexjob_operator.runtime.protocol import Runtime

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 30.0


class Sweep:
    """`look_at` is told of every index job with a launch to look after; `trying` is called before each sweep."""

    def __init__(
        self,
        queue: LeaderQueue,
        runtime: Runtime,
        look_at: Callable[[UUID], None],
        *,
        interval_seconds: float = INTERVAL_SECONDS,
        retention: Retention | None = None,
        trying: Callable[[], None] = lambda: None,
    ) -> None:
        self._queue = queue
        self._runtime = runtime
        self._look_at = look_at
        self._interval_seconds = interval_seconds
        self._retention = retention
        self._trying = trying
        self._soon = asyncio.Event()

    def soon(self) -> None:
        """Something may have been left undone: don't wait for the next time."""
        self._soon.set()

    async def run(self) -> None:
        """Sweep at once, and then again and again, until cancelled."""
        while True:
            self._soon.clear()
            self._trying()
            with metrics.SWEEP_SECONDS.time():
                await self.run_once()
            metrics.SWEPT.set(time.time())
            if self._retention:
                await self._retention.run_if_due(self._queue)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval_seconds):
                    await self._soon.wait()

    async def run_once(self) -> None:
        """One comparison. The launches are listed before the rows: a launch that is made in between has its row already."""
        launches = await self._runtime.list()
        active = await self._queue.active()
        for job in active:
            self._look_at(job.id)
        known = {job.id for job in active}
        for launch in launches:
            if launch.key.job_id not in known:
                logger.info(
                    "no row looks after the launch %s",
                    launch.key.name,
                    extra={"action": "stray", "job": str(launch.key.job_id)},
                )
                await self._runtime.cancel(launch.key)
                metrics.STRAYS.inc()
        if mended := await self._queue.mend():
            metrics.REPAIRS.labels("rows").inc(mended)
            logger.info("mended %s rows of the queue", mended, extra={"action": "mended"})
