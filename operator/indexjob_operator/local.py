"""The whole of the operator on one machine: the same queue, dispatcher, reconciler and worker as on a cluster, with processes for pods."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
from platformdirs import user_cache_path
from psycopg_pool import AsyncConnectionPool

from indexjob.queue.leader import LeaderQueue, LeadershipLostError
from indexjob.queue.wakeup import WAKE, listen
from indexjob_operator.dispatcher import Dispatcher
from indexjob_operator.leadership import LEASE, lead
from indexjob_operator.profiles import Profile, Profiles
from indexjob_operator.reconciler import Reconciler
from indexjob_operator.runtime.local import BACKOFF_SECONDS, LocalRuntime
from indexjob_operator.runtime.workspace import Workspaces
from indexjob_operator.sweep import INTERVAL_SECONDS, Sweep
from indexjob_operator.work_queue import WorkQueue

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

logger = logging.getLogger(__name__)

DRAIN_SECONDS = 15.0
RECONCILERS = 4


async def run_local(
    database_url: str,
    *,
    concurrency: int = 3,
    once: bool = False,
    backoff_seconds: float = BACKOFF_SECONDS,
    deadline_seconds: int | None = None,
    stop: asyncio.Event | None = None,
    workspaces: Path | None = None,
    lease: timedelta = LEASE,
    sweep_seconds: float = INTERVAL_SECONDS,
    drain_seconds: float = DRAIN_SECONDS,
) -> None:
    """Run index jobs as processes of this machine until `stop` is set, or with `once` until none is left that could run now.

    On `stop` nothing more is claimed; what runs has `drain_seconds` to end, and is then terminated and put back in line. `deadline_seconds` is for runs whose request
    names none. `workspaces` is where launches have their temporary directories (the user's cache directory).
    """
    stop = stop or asyncio.Event()
    root = workspaces or user_cache_path("indexjob") / "workspaces"
    profiles = Profiles(profiles={"default": Profile(deadline_seconds=deadline_seconds) if deadline_seconds else Profile()})
    holder = f"{socket.gethostname()}/{os.getpid()}/{uuid4().hex[:8]}"
    async with AsyncConnectionPool(database_url, min_size=1, max_size=6, open=False, kwargs={"autocommit": True, "prepare_threshold": None}) as pool:

        async def term(queue: LeaderQueue) -> None:
            folder = Workspaces(root / str(await queue.instance()))
            work: WorkQueue[UUID] = WorkQueue()
            runtime = LocalRuntime(folder, work.add, backoff_seconds=backoff_seconds)
            reconciler = Reconciler(
                queue, runtime, profiles,
                worker_database_url=database_url, local_repositories=True, heartbeat_timeout=await queue.heartbeat_timeout(),
            )  # fmt: skip
            dispatcher = Dispatcher(queue, work.add, concurrency=concurrency)
            sweep = Sweep(queue, runtime, work.add, interval_seconds=sweep_seconds)
            await sweep.run_once()

            def heard(_: str) -> None:
                dispatcher.wake()
                looking.set()

            looking = asyncio.Event()
            loops = [
                asyncio.create_task(loop, name=name)
                for name, loop in {
                    "dispatcher": _patiently(dispatcher.run),
                    "sweep": _patiently(sweep.run),
                    "listen": listen(database_url, WAKE, heard),
                    "look": _patiently(lambda: _look(queue, work, looking)),
                    **{f"reconciler-{n}": _reconcile(work, reconciler, dispatcher) for n in range(RECONCILERS)},
                }.items()
            ]
            try:
                ending = asyncio.create_task(_until_empty(queue, dispatcher, work) if once else stop.wait())
                stopping = asyncio.create_task(stop.wait())
                done, _ = await asyncio.wait([ending, stopping, *loops], return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
                dispatcher.draining = True
                await _drain(queue, runtime, work, drain_seconds)
            finally:
                for task in (*loops, ending, stopping):
                    task.cancel()
                await asyncio.gather(*loops, ending, stopping, return_exceptions=True)
                await runtime.interrupt()

        serving = asyncio.create_task(lead(pool, holder, term, lease=lease))
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([serving, stopped], return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set():  # a standby has nothing to drain
                with suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(serving), drain_seconds + 14)
            if serving.done():
                serving.result()
        finally:
            for task in (serving, stopped):
                task.cancel()
            await asyncio.gather(serving, stopped, return_exceptions=True)


async def _reconcile(work: WorkQueue[UUID], reconciler: Reconciler, dispatcher: Dispatcher) -> None:
    while True:
        job_id = await work.get()
        try:
            await reconciler.reconcile(job_id)
            work.forget(job_id)
        except LeadershipLostError:
            raise
        except Exception as error:  # noqa: BLE001 - one index job's trouble is not the others'
            pause = work.retry(job_id)
            logger.warning("reconciling failed (%s), again in %.1f s", error, pause, extra={"action": "reconcile-failed", "job": str(job_id)})
        finally:
            work.done(job_id)
            dispatcher.wake()


async def _look(queue: LeaderQueue, work: WorkQueue[UUID], looking: asyncio.Event) -> None:
    """A wake-up may also mean that somebody cancelled or suspended what runs."""
    while True:
        await looking.wait()
        looking.clear()
        for job in await queue.active():
            if not job.under_way:
                work.add(job.id)


async def _patiently(loop) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Run a loop; when Postgres fails it, start it again after a while."""
    while True:
        try:
            await loop()
        except psycopg.Error as error:
            logger.warning("Postgres failed: %s", error, extra={"action": "database-error"})
            await asyncio.sleep(1)


async def _until_empty(queue: LeaderQueue, dispatcher: Dispatcher, work: WorkQueue[UUID]) -> None:
    quiet = 0
    while quiet < 2:
        await asyncio.sleep(0.1)
        busy = await queue.active() or not work.idle or await dispatcher.run_once()
        quiet = 0 if busy else quiet + 1


async def _drain(queue: LeaderQueue, runtime: LocalRuntime, work: WorkQueue[UUID], seconds: float) -> None:
    """Let what runs end; then end it, and have that recorded."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while await queue.active():
                await asyncio.sleep(0.05)
    await runtime.interrupt()
    with suppress(TimeoutError):
        async with asyncio.timeout(5):
            while await queue.active() or not work.idle:
                await asyncio.sleep(0.05)
