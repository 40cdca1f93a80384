"""What a leader does while it leads, whatever its runtime: hears, claims, reconciles and sweeps, side by side."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import psycopg

from indexjob.queue.leader import LeaderQueue, LeadershipLostError
from indexjob.queue.wakeup import WAKE, listen
from indexjob_operator import metrics

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from uuid import UUID

    from indexjob_operator.dispatcher import Dispatcher
    from indexjob_operator.reconciler import Reconciler
    from indexjob_operator.sweep import Sweep
    from indexjob_operator.work_queue import WorkQueue

logger = logging.getLogger(__name__)

RECONCILERS = 16
"""So many that the ends of launches come together, and are recorded together."""
AFTER_AN_ERROR_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 5.0


class Term:
    """The loops of one term, and those that the runtime wants `beside` them. Trouble with Postgres or one index job ends none; a lost lease ends all."""

    def __init__(
        self,
        queue: LeaderQueue,
        work: WorkQueue[UUID],
        dispatcher: Dispatcher,
        reconciler: Reconciler,
        sweep: Sweep,
        database_url: Callable[[], str],
        *,
        beside: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        self._queue = queue
        self._work = work
        self._dispatcher = dispatcher
        self._reconciler = reconciler
        self._sweep = sweep
        self._database_url = database_url
        self._beside = beside
        self._steered = asyncio.Event()

    async def run(self) -> None:
        """Serve until cancelled.

        Raises:
            LeadershipLostError: another operator leads.
        """
        try:
            async with asyncio.TaskGroup() as loops:
                loops.create_task(listen(self._database_url, WAKE, self._heard))
                loops.create_task(_patiently(self._sweep.run))
                loops.create_task(_patiently(self._dispatcher.run, self._sweep.soon))
                loops.create_task(_patiently(self._look_at_steered))
                for loop in self._beside:
                    loops.create_task(_patiently(loop))
                for _ in range(RECONCILERS):
                    loops.create_task(self._reconcile())
        except* LeadershipLostError:
            raise LeadershipLostError(self._queue.epoch) from None

    async def until_empty(self) -> None:
        """Return when nothing is under way and nothing can be claimed."""
        quiet = 0
        while quiet < 2:  # noqa: PLR2004 - a wake-up may cross the first look
            await asyncio.sleep(0.1)
            busy = await self._queue.active() or not self._work.idle or await self._dispatcher.run_once()
            quiet = 0 if busy else quiet + 1

    async def until_nothing_runs(self) -> None:
        """Claim no more, and return when nothing is under way."""
        self._dispatcher.draining = True
        while await self._queue.active() or not self._work.idle:
            await asyncio.sleep(0.05)

    async def until_idle(self) -> None:
        """Claim no more, and return when all that was begun is done; what runs, runs on."""
        self._dispatcher.draining = True
        while not self._work.idle:
            await asyncio.sleep(0.02)

    def _heard(self, _: str) -> None:
        self._dispatcher.wake()
        self._steered.set()

    async def _look_at_steered(self) -> None:
        """A wake-up may also mean that a producer cancelled or suspended what runs."""
        while True:
            await self._steered.wait()
            self._steered.clear()
            for job in await self._queue.active():
                if not job.under_way:
                    self._work.add(job.id)

    async def _reconcile(self) -> None:
        while True:
            job_id = await self._work.get()
            try:
                again = await self._reconciler.reconcile(job_id)
                self._work.forget(job_id)
                if again is not None:
                    self._work.later(job_id, again)
            except LeadershipLostError:
                raise
            except Exception as error:
                pause = self._work.retry(job_id)
                metrics.FAILED_RECONCILES.inc()
                logger.warning(
                    "%s; again in %.1f s",
                    error,
                    pause,
                    exc_info=error,
                    extra={"action": "reconcile-failed", "job": str(job_id)},
                )
            finally:
                self._work.done(job_id)
                self._dispatcher.look()


async def _patiently(loop: Callable[[], Awaitable[None]], failed: Callable[[], None] = lambda: None) -> None:
    """Run a loop; when it fails, run it again after a while. What it had done by then, and not heard of, is for `failed` to see to."""
    pause, told = AFTER_AN_ERROR_SECONDS, ""
    while True:
        try:
            await loop()
        except LeadershipLostError:
            raise
        except psycopg.Error as error:
            pause = AFTER_AN_ERROR_SECONDS
            logger.warning("Postgres failed: %s", error, extra={"action": "database-error"})
        except Exception as error:  # the API's, say: the other loops have no part in it
            again = told == str(error)
            pause, told = min(pause * 2, LONGEST_PAUSE_SECONDS) if again else AFTER_AN_ERROR_SECONDS, str(error)
            trace = None if again else error  # an outage says the same for minutes
            logger.warning("%s; again in %.0f s", error, pause, exc_info=trace, extra={"action": "loop-failed"})
        await asyncio.sleep(pause)
        failed()
