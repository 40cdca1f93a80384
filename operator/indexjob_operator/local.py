"""The whole of the operator on one machine: the same queue, dispatcher, reconciler and worker as on a cluster, with processes for pods."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
from platformdirs import user_cache_path

from indexjob.queue.pool import Pool
from indexjob_operator.dispatcher import Dispatcher
from indexjob_operator.leadership import LEASE, lead
from indexjob_operator.postgres import connection_options
from indexjob_operator.profiles import Profile, Profiles
from indexjob_operator.reconciler import Reconciler
from indexjob_operator.retention import Retention
from indexjob_operator.runtime.local import BACKOFF_SECONDS, WORKER, LocalRuntime
from indexjob_operator.runtime.workspace import Workspaces
from indexjob_operator.sweep import INTERVAL_SECONDS, Sweep
from indexjob_operator.term import Term
from indexjob_operator.work_queue import WorkQueue

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from datetime import timedelta
    from pathlib import Path
    from uuid import UUID

    from indexjob.queue.leader import LeaderQueue

DRAIN_SECONDS = 12.0
"""What runs has this long to end by itself. With the worker's grace of 8 s and the recording, a stop takes less than 30 s."""
RECORD_SECONDS = 5.0


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
    worker: tuple[str, ...] = WORKER,
    worker_database_url: str | None = None,
) -> None:
    """Run index jobs as processes of this machine until `stop` is set, or with `once` until none is left that could run now.

    On `stop` nothing more is claimed; what runs has `drain_seconds` to end, and is then terminated and put back in line. `deadline_seconds` is
    for runs whose request names none. `workspaces` is where launches have their temporary directories (the user's cache directory).

    `database_url` is a login that is a member of indexjob_operator; `worker_database_url` is what the workers are given, a member of indexjob_worker
    (by default the same as ours, which on a laptop is the owner of everything).
    """
    stopping = stop or asyncio.Event()
    root = workspaces or user_cache_path("indexjob") / "workspaces"
    profiles = Profiles(
        profiles={"default": Profile(deadline_seconds=deadline_seconds) if deadline_seconds else Profile()}
    )
    holder = f"{socket.gethostname()}/{os.getpid()}/{uuid4().hex[:8]}"

    retention = Retention()

    async def serve(queue: LeaderQueue) -> None:
        work: WorkQueue[UUID] = WorkQueue()
        runtime = LocalRuntime(
            Workspaces(root / str(await queue.instance())), work.add, backoff_seconds=backoff_seconds, worker=worker
        )
        reconciler = Reconciler(
            queue,
            runtime,
            profiles,
            worker_database_url=lambda: worker_database_url or database_url,
            local_repositories=True,
        )

        def claimed(job: UUID, confirmed: Awaitable[None]) -> None:
            reconciler.claimed(job, confirmed)
            work.add(job)

        dispatcher = Dispatcher(queue, claimed, concurrency=concurrency)
        sweep = Sweep(queue, runtime, work.add, interval_seconds=sweep_seconds, retention=retention, profiles=profiles)
        term = Term(queue, work, dispatcher, reconciler, sweep, lambda: database_url)
        try:
            await _serve(term, runtime, stopping, once=once, drain_seconds=drain_seconds)
        finally:
            await runtime.close()

    async with Pool(database_url, min_size=1, max_size=8, open=False, kwargs=connection_options()) as pool:
        await lead(pool, holder, serve, stopping, lease=lease)


async def _serve(term: Term, runtime: LocalRuntime, stop: asyncio.Event, *, once: bool, drain_seconds: float) -> None:
    """Run the term until it is stopped (then drain), or with `once` until the queue is empty."""
    serving: asyncio.Future[None] = asyncio.ensure_future(term.run())
    stopped: asyncio.Future[object] = asyncio.ensure_future(stop.wait())
    emptied: asyncio.Future[object] = asyncio.ensure_future(term.until_empty()) if once else stopped
    tasks: set[asyncio.Future[Any]] = {serving, stopped, emptied}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        if stop.is_set():
            with suppress(TimeoutError, psycopg.Error):
                async with asyncio.timeout(drain_seconds):
                    await term.until_nothing_runs()
            await runtime.interrupt()
            with suppress(TimeoutError, psycopg.Error):
                async with asyncio.timeout(RECORD_SECONDS):
                    await term.until_nothing_runs()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
