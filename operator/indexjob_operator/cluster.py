"""The whole of the operator on Kubernetes: the sibling of `local.py`, with Jobs for processes.

What lives as long as the process (the pool of connections, the API client, the watches, the health pages) is made once. What belongs to a term is made
when this process begins to lead, and dropped when it stops: a standby holds nothing that could be old.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
from prometheus_client import REGISTRY

from indexjob.queue.pool import Pool
from indexjob.queue.resources import ResourceQueue
from indexjob_operator import figures, handlers, json_log, login, metrics, names, presence
from indexjob_operator.dispatcher import Dispatcher
from indexjob_operator.health import Health, serving
from indexjob_operator.kubernetes_api import INDEX_JOBS, JOBS, KubernetesApi, KubernetesApiError
from indexjob_operator.leadership import lead, said
from indexjob_operator.mirror import Mirror
from indexjob_operator.postgres import WHAT as DATABASE
from indexjob_operator.postgres import connection_options, until_usable
from indexjob_operator.reconciler import Reconciler
from indexjob_operator.resource.model import GROUP, PLURAL, VERSION
from indexjob_operator.retention import Retention
from indexjob_operator.runtime.kubernetes import KubernetesRuntime
from indexjob_operator.settings import DatabaseUrls, SettingsError, database_urls
from indexjob_operator.sweep import Sweep
from indexjob_operator.tenants import write_tenants
from indexjob_operator.term import Term
from indexjob_operator.watches import Watch
from indexjob_operator.work_queue import WorkQueue

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path
    from uuid import UUID

    from indexjob.queue.leader import LeaderQueue
    from indexjob_operator.settings import Settings

logger = logging.getLogger(__name__)

CONNECTIONS = 10
DRAIN_SECONDS = 10.0
"""What was begun has this long to end: a Job that was being made, an outcome that was being recorded."""
SWEEP_SILENT_SECONDS = 300.0
ELECTION_SILENT_SECONDS = 120.0
ENDING_SECONDS = 1.0
"""After how long a launch that was about to end is looked at, if its end isn't heard."""
API_AGAIN_SECONDS = 1.0


async def run_cluster(
    settings: Settings, credentials: Path, *, address: tuple[str, int] = ("", 8080), stop: asyncio.Event
) -> None:
    """Run index jobs as Jobs of this cluster until `stop` is set; what runs then, runs on.

    `credentials` is the directory with the database's URLs, `address` where the health pages and metrics are served.

    Raises:
        SettingsError: what can't be right is said at once; what is only not there yet is waited for.
    """
    namespace = settings.run_namespace or login.own_namespace() or "default"

    def urls() -> DatabaseUrls:
        found = database_urls(credentials)
        json_log.conceal(found.operator, found.worker, found.migrate)
        return found

    known = urls()

    def latest() -> DatabaseUrls:
        """As the Secret is now, or was when it could last be read: passwords change while we run."""
        nonlocal known
        with suppress(SettingsError):
            known = urls()
        return known

    health = Health()
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(serving(health, *address))
        logger.info("health pages and metrics are on port %s", port, extra={"action": "serving", "port": port})
        api = KubernetesApi(await login.load(), renew=login.load)
        stack.push_async_callback(api.close)
        hints = handlers.Hints(asyncio.get_running_loop())
        await stack.enter_async_context(_watching(settings, namespace, api, hints, health))
        await until_usable(urls, credentials, stop, health)
        if stop.is_set():
            return
        pool = Pool(
            lambda: latest().operator, min_size=1, max_size=CONNECTIONS, open=False, kwargs=connection_options()
        )
        await stack.enter_async_context(pool)
        shown = figures.PoolFigures(pool)
        REGISTRY.register(shown)
        stack.callback(REGISTRY.unregister, shown)

        async def serve(queue: LeaderQueue) -> None:
            await _serve(queue, pool, latest, settings, namespace, api, hints, health, stop)

        holder = f"{socket.gethostname()}/{os.getpid()}/{uuid4().hex[:8]}"
        lease = timedelta(seconds=settings.queue.lease_seconds)
        await lead(pool, holder, serve, stop, lease=lease, heard=partial(election_heard, health))


def election_heard(health: Health, error: BaseException | None) -> None:
    """What standing for election shows of the database, which it asks for as long as the process lives."""
    health.beat("the election", ELECTION_SILENT_SECONDS)
    if error is None:
        health.has(DATABASE)
    else:
        health.lacks(DATABASE, f"it fails: {json_log.scrub(said(error))}")


@asynccontextmanager
async def _watching(
    settings: Settings, namespace: str, api: KubernetesApi, hints: handlers.Hints, health: Health
) -> AsyncIterator[None]:
    """The watches, standby or not: who takes over begins with a sweep, and hears the rest."""
    launches = Watch(
        "launches",
        handlers.of_launches(hints, names.INDEX_JOB),
        health,
        namespaces=[namespace],
        selectors={("batch", "v1", "jobs"): names.INDEX_JOB, ("", "v1", "pods"): names.INDEX_JOB},
        until_there=lambda: presence.until_listed(api, JOBS, [namespace], health),
    )
    resources = Watch(
        "resources",
        handlers.of_resources(hints, (GROUP, VERSION, PLURAL)),
        health,
        namespaces=settings.watch_namespaces or None,
        until_there=lambda: presence.until_listed(api, INDEX_JOBS, settings.watch_namespaces, health),
        until_more=lambda missing: presence.until_more_listed(api, INDEX_JOBS, missing),
    )
    tasks = [
        asyncio.create_task(launches.run()),
        asyncio.create_task(resources.run()),
        asyncio.create_task(presence.keep_looking(api, namespace, health)),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _serve(
    queue: LeaderQueue,
    pool: Pool,
    urls: Callable[[], DatabaseUrls],
    settings: Settings,
    namespace: str,
    api: KubernetesApi,
    hints: handlers.Hints,
    health: Health,
    stop: asyncio.Event,
) -> None:
    """One term: its parts, until it is stopped (then drain)."""
    await write_tenants(pool, settings.shares)
    work: WorkQueue[UUID] = WorkQueue()
    runtime = await runtime_of(api, settings, namespace, await queue.instance(), stop)
    if runtime is None:
        return
    reconciler = Reconciler(
        queue,
        runtime,
        settings.by_name(),
        worker_database_url=lambda: urls().worker,
        worker_database_ca=lambda: urls().worker_ca,
        local_repositories=False,
        refused_again=timedelta(seconds=settings.patience.refused_again_seconds),
    )

    def claimed(job: UUID, confirmed: Awaitable[None]) -> None:
        reconciler.claimed(job, confirmed)
        work.add(job)

    dispatcher = Dispatcher(queue, claimed, concurrency=settings.queue.concurrency, namespace=namespace)
    mirror = Mirror(
        ResourceQueue(pool, queue.epoch),
        api,
        lambda: urls().operator,
        tenant_of=settings.tenant_of,
        may_look_in=settings.may_look_in,
        namespaces=settings.watch_namespaces,
        sweep_seconds=settings.queue.sweep_seconds,
    )
    sweep = Sweep(
        queue,
        runtime,
        work.add,
        interval_seconds=settings.queue.sweep_seconds,
        retention=Retention(
            keep_snapshots=settings.keep.snapshots,
            keep_finished=timedelta(days=settings.keep.finished_days),
        ),
        wants=reconciler.wants,
        stray_seconds=settings.patience.stray_seconds,
        profiles=settings.by_name(),
        trying=lambda: health.beat("the sweep", SWEEP_SILENT_SECONDS + 2 * settings.queue.sweep_seconds),
    )
    beside = (*mirror.loops, lambda: figures.tell_of(queue))
    term = Term(queue, work, dispatcher, reconciler, sweep, lambda: urls().operator, beside=beside)
    hints.index_job, hints.resource, hints.shown = work.add, mirror.hear, runtime.hear
    hints.ending = partial(work.later, seconds=ENDING_SECONDS)
    metrics.LEADER.set(1)
    try:
        await _until_stopped(term, stop)
    finally:
        hints.quiet()
        metrics.LEADER.set(0)
        health.ended("the sweep")


async def runtime_of(
    api: KubernetesApi, settings: Settings, namespace: str, instance: UUID, stop: asyncio.Event
) -> KubernetesRuntime | None:
    """A term may begin while the API is away, which must end no process: it is asked until it answers. None if `stop` was set before.

    Raises:
        ClearError: the settings name an owner that isn't there.
    """
    while not stop.is_set():
        try:
            return await KubernetesRuntime.create(api, settings, namespace, instance)
        except KubernetesApiError as error:
            logger.warning("%s; again in %.0f s", error, API_AGAIN_SECONDS, extra={"action": "api-error"})
        with suppress(TimeoutError):
            async with asyncio.timeout(API_AGAIN_SECONDS):
                await stop.wait()
    return None


async def _until_stopped(term: Term, stop: asyncio.Event) -> None:
    serving_term: asyncio.Future[None] = asyncio.ensure_future(term.run())
    stopped: asyncio.Future[object] = asyncio.ensure_future(stop.wait())
    tasks: set[asyncio.Future[Any]] = {serving_term, stopped}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        logger.info("stopping: what was begun has some seconds to end", extra={"action": "draining"})
        with suppress(TimeoutError, psycopg.Error):
            async with asyncio.timeout(DRAIN_SECONDS):
                await term.until_idle()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
