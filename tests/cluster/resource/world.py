"""The mirror between a real API server and a real Postgres, with the test in the place of everything else: it claims, runs and finishes."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg_pool import AsyncConnectionPool

from indexjob.queue.resources import ResourceQueue
from indexjob_operator import metrics
from indexjob_operator.kubernetes_api import KubernetesApi
from indexjob_operator.mirror import Mirror
from indexjob_operator.term import _patiently
from tests.cluster.hanging_up import hang_up
from tests.cluster.namespace import Manifest, Namespace
from tests.postgres.queue.leading import Leader

URL = "https://example.org/acme/shop"
SECONDS = 120.0


def index_job(name: str, annotations: dict[str, str] | None = None, **spec: Any) -> Manifest:
    about = {"name": name, "annotations": annotations or {}}
    whole = {"repository": f"{URL}-{name}", **spec}
    return {"apiVersion": "codeindex.dev/v1alpha1", "kind": "IndexJob", "metadata": about, "spec": whole}


class World:
    """What a test does and looks at. kubectl runs in a thread, so that the mirror goes on meanwhile."""

    def __init__(self, namespace: Namespace, leader: Leader, database: str, api: KubernetesApi, mirror: Mirror) -> None:
        self.namespace = namespace
        self.leader = leader
        self.database = database
        self.api = api
        self.mirror = mirror

    async def kubectl(self, *words: str) -> str:
        return await asyncio.to_thread(self.namespace, *words)

    async def apply(self, *resources: Manifest) -> None:
        await asyncio.to_thread(self.namespace.apply, *resources)
        for resource in resources:
            await self.hint(resource["metadata"]["name"])

    async def change(self, name: str, **spec: Any) -> None:
        await self.kubectl("patch", f"ij/{name}", "--type=merge", "-p", json.dumps({"spec": spec}))
        await self.hint(name)

    async def hint(self, name: str) -> None:
        """What the watch would say."""
        self.mirror.hear((await self.resource(name))["metadata"])

    async def resource(self, name: str) -> Manifest:
        found: Manifest = json.loads(await self.kubectl("get", f"ij/{name}", "-o", "json"))
        return found

    async def status(self, name: str) -> dict[str, Any]:
        return dict((await self.resource(name)).get("status") or {})

    async def wait(self, name: str, until: str) -> None:
        await asyncio.to_thread(self.namespace.wait, f"ij/{name}", until=until, seconds=SECONDS)

    async def state(self, name: str, state: str) -> dict[str, Any]:
        await self.wait(name, f"jsonpath={{.status.state}}={state}")
        return await self.status(name)

    def row_of(self, name: str) -> UUID:
        """The newest row for this resource's repository."""
        return self.leader.value(  # type: ignore[return-value]
            "SELECT id FROM indexjob.index_jobs WHERE clone_url = %s ORDER BY seq DESC LIMIT 1", f"{URL}-{name}"
        )

    def publish(self, job: UUID, verdict: str = "completed", commit: str = "0123456789abcdef") -> None:
        self.leader.connection.execute(
            "UPDATE indexjob.index_jobs SET verdict = %s, commit = %s, stats = %s WHERE id = %s",
            (verdict, commit, '{"files": 3}', job),
        )

    async def eventually(self, holds: Callable[[], bool], what: str = "it") -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(SECONDS):
                while not holds():
                    await asyncio.sleep(0.02)
                return
        raise AssertionError(f"{what} did not come about")

    def db_state(self, job: UUID) -> str:
        return str(self.leader.row(job)["state"])

    async def quiet(self) -> None:
        """The mirror has done all that it knows of, and no tick brings more."""
        calm = 0
        while calm < 3:
            await asyncio.sleep(0.5)
            calm = calm + 1 if self.mirror.idle else 0


class Calls:
    """What the API was asked since then."""

    def __init__(self) -> None:
        self._before = self._counted()

    @staticmethod
    def _counted() -> Counter[tuple[str, str]]:
        found: Counter[tuple[str, str]] = Counter()
        for metric in metrics.API_CALLS.collect():
            for sample in metric.samples:
                if sample.name.endswith("_total"):
                    found[(sample.labels["verb"], sample.labels["resource"])] += int(sample.value)
        return found

    def since(self) -> Counter[tuple[str, str]]:
        return self._counted() - self._before


@asynccontextmanager
async def _closing(api: KubernetesApi) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await hang_up(api)


@asynccontextmanager
async def mirroring(
    kubeconfig: Path,
    namespace: Namespace,
    database: str,
    *,
    sweep_seconds: float = 1.0,
    tenant_of: Callable[[str], str] = lambda _: "team",
    may_look_in: Callable[[str], bool] = lambda _: False,
) -> AsyncIterator[World]:
    """A leader with its mirror of this one namespace."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE indexjob.lease SET expires_at = '-infinity'")  # the one before has ended
        leader = Leader(connection)
        api = await KubernetesApi.connect(kubeconfig, seconds_a_call=5)
        pool = AsyncConnectionPool(database, min_size=1, max_size=5, open=False, kwargs={"autocommit": True})
        async with _closing(api), pool:
            queue = ResourceQueue(pool, int(str(leader.epoch)))
            mirror = Mirror(
                queue, api, lambda: database,
                tenant_of=tenant_of, may_look_in=may_look_in, namespaces=(namespace.name,), sweep_seconds=sweep_seconds,
            )  # fmt: skip
            loops = [asyncio.ensure_future(_patiently(loop)) for loop in mirror.loops]
            try:
                yield World(namespace, leader, database, api, mirror)
                for loop in loops:
                    if loop.done() and not loop.cancelled():
                        loop.result()
            finally:
                for loop in loops:
                    loop.cancel()
                await asyncio.gather(*loops, return_exceptions=True)
