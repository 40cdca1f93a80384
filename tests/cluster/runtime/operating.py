"""An operator's inside as a test runs it: the real dispatcher, reconciler, sweep and Kubernetes runtime, in a thread of the test, without watches.

What the watches would hint at, a sweep each half second sees: so every test here also says that hints are not needed.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

from indexjob.queue.leader import LeaderQueue
from indexjob.queue.pool import Pool
from indexjob_operator.dispatcher import Dispatcher
from indexjob_operator.kubernetes_api import KubernetesApi
from indexjob_operator.leadership import lead
from indexjob_operator.postgres import connection_options
from indexjob_operator.reconciler import Reconciler
from indexjob_operator.runtime.kubernetes import KubernetesRuntime
from indexjob_operator.settings import Settings
from indexjob_operator.sweep import Sweep
from indexjob_operator.term import Term
from indexjob_operator.work_queue import WorkQueue
from tests.cluster.hanging_up import hang_up

LEASE_SECONDS = 15
WORKER_URL = "postgresql://worker:canary-database@db.test/index"


class Operating:
    """Starts at once; `end` is a clean stop. An exception of its own is raised there."""

    def __init__(
        self, kubeconfig: Path, settings: Settings, namespace: str, database: str, worker_url: str = WORKER_URL
    ) -> None:
        self._kubeconfig, self._settings, self._namespace = kubeconfig, settings, namespace
        self._database, self._worker_url = database, worker_url
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        if self._thread.is_alive():
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(120)
        if self._failed:
            raise self._failed

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._lead())
        except BaseException as error:  # noqa: BLE001 - the test's thread raises it
            self._failed = error

    async def _lead(self) -> None:
        api = await KubernetesApi.connect(self._kubeconfig)
        try:
            async with Pool(self._database, min_size=1, max_size=6, open=False, kwargs=connection_options()) as pool:
                await lead(
                    pool,
                    uuid4().hex,
                    lambda queue: self._serve(queue, api),
                    self._stop,
                    lease=timedelta(seconds=LEASE_SECONDS),
                )
        finally:
            await hang_up(api)

    async def _serve(self, queue: LeaderQueue, api: KubernetesApi) -> None:
        settings, work = self._settings, WorkQueue[UUID]()
        runtime = await KubernetesRuntime.create(api, settings, self._namespace, await queue.instance())
        reconciler = Reconciler(
            queue, runtime, settings.by_name(),
            worker_database_url=lambda: self._worker_url, local_repositories=False,
            refused_again=timedelta(seconds=settings.patience.refused_again_seconds),
        )  # fmt: skip
        sweep = Sweep(
            queue, runtime, work.add,
            interval_seconds=0.5, wants=reconciler.wants, stray_seconds=settings.patience.stray_seconds,
        )  # fmt: skip

        def claimed(job: UUID, confirmed: Awaitable[None]) -> None:
            reconciler.claimed(job, confirmed)
            work.add(job)

        dispatcher = Dispatcher(queue, claimed, concurrency=20, namespace=self._namespace)
        term = asyncio.ensure_future(Term(queue, work, dispatcher, reconciler, sweep, lambda: self._database).run())
        stopped = asyncio.ensure_future(self._stop.wait())
        try:
            done, _ = await asyncio.wait({term, stopped}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (term, stopped):
                task.cancel()
            await asyncio.gather(term, stopped, return_exceptions=True)
