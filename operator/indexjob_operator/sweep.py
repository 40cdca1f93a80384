"""Compares, from time to time, all unfinished rows with all launches: what a lost event, a crash or a stranger left undone is done here.

It names the index jobs that want looking at, has the queue mend itself, and sees to the launches that no row looks after any more.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from indexjob_operator import metrics
from indexjob_operator.profiles import Profiles
from indexjob_operator.runtime.protocol import LaunchKey, RuntimeAwayError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from indexjob.queue.leader import ActiveJob, LeaderQueue
    from indexjob_operator.retention import Retention
    from indexjob_operator.runtime.protocol import LaunchSeen, Runtime

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 30.0
MOST_STRAYS = 20
"""Launches without a row that are taken down in one sweep: if there are more, more is wrong than a sweep should put right at once."""


class Sweep:
    """`look_at` is told of every index job that `wants` it; `trying` is called before each sweep. A launch without a row is a stray after `stray_seconds`."""

    def __init__(
        self,
        queue: LeaderQueue,
        runtime: Runtime,
        look_at: Callable[[UUID], None],
        *,
        interval_seconds: float = INTERVAL_SECONDS,
        wants: Callable[[ActiveJob, LaunchSeen | None], bool] = lambda _job, _seen: True,
        stray_seconds: float = 0.0,
        profiles: Profiles | None = None,
        retention: Retention | None = None,
        trying: Callable[[], None] = lambda: None,
    ) -> None:
        self._queue = queue
        self._runtime = runtime
        self._look_at = look_at
        self._interval_seconds = interval_seconds
        self._wants = wants
        self._stray_seconds = stray_seconds
        self._profiles = profiles or Profiles()
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
        launches = {launch.key: launch for launch in await self._runtime.list()}
        active = await self._queue.active()
        for job in active:
            key = LaunchKey(job.id, job.slot_launch)
            if self._wants(job, launches.get(key)):
                self._look_at(job.id)
            launches.pop(key, None)
        if mended := await self._queue.mend():  # first: the queue has no part in what the runtime fails at
            metrics.REPAIRS.labels("rows").inc(mended)
            logger.info("mended %s rows of the queue", mended, extra={"action": "mended"})
        await self._clear([launch for launch in launches.values() if not launch.released])

    async def _clear(self, launches: list[LaunchSeen]) -> None:
        """See to launches that hold no slot: recorded but not released, outdated, or of no row at all."""
        standings = await self._queue.standing([launch.key.job_id for launch in launches]) if launches else {}
        strays = 0
        for launch in launches:
            standing = standings.get(launch.key.job_id)
            if standing is None:
                strays += self._is_old(launch)
                if not self._is_old(launch) or strays > MOST_STRAYS:
                    continue
                if await self._repair("stray", launch, self._runtime.cancel(launch.key)):
                    metrics.STRAYS.inc()
            elif standing.finished and standing.launch == launch.key.launch and launch.condition is not None:
                ttl = self._profiles.ttl_seconds(standing.profile, standing.ttl_seconds)
                await self._repair("unreleased", launch, self._runtime.release(launch.key, ttl_seconds=ttl))
            else:
                await self._repair("outdated", launch, self._runtime.cancel(launch.key))
        if strays > MOST_STRAYS:
            logger.warning(
                "%s launches have no row; %s are taken down in a sweep", strays, MOST_STRAYS, extra={"action": "strays"}
            )

    async def _repair(self, what: str, launch: LaunchSeen, doing: Awaitable[object]) -> bool:
        """Whether it could be done. What the runtime refuses of one launch is that one's alone: the others are repaired, and it is tried again."""
        more = {"job": str(launch.key.job_id), "launch": launch.key.launch}
        logger.info("the launch %s is %s", launch.key.name, what, extra={"action": what, **more})
        try:
            await doing
        except RuntimeAwayError:
            raise
        except Exception as error:
            sentence = "the launch %s is %s still: %s"
            logger.warning(
                sentence, launch.key.name, what, error, exc_info=error, extra={"action": "repair-failed", **more}
            )
            return False
        metrics.REPAIRS.labels(what).inc()
        return True

    def _is_old(self, launch: LaunchSeen) -> bool:
        return (
            launch.created_at is None or (datetime.now(UTC) - launch.created_at).total_seconds() >= self._stray_seconds
        )
