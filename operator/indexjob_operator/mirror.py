"""Keeps IndexJob resources and their rows in step: what a resource asks for goes to the queue, what became of it goes to the resource's status.

Events are hints here too: they name a resource, and `reconcile` looks at it and its row afresh. That it is gone is believed as it is said: a uid never
comes again, and where a whole namespace goes, the right to look goes with it. A tick asks the database, once for all resources, what has
changed; a sweep compares all resources with all rows, and ends what a deleted resource asked for, whoever was away when it was deleted. A status is
written only where it differs from what is there, so that where nothing happens the API isn't called.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg

from indexjob.queue.leader import LeadershipLostError
from indexjob.queue.wakeup import FINISHED, listen
from indexjob_operator import metrics
from indexjob_operator.faults import reach
from indexjob_operator.kubernetes_api import (
    INDEX_JOBS,
    ConflictError,
    KubernetesApiError,
    NotFoundError,
    RefusedError,
)
from indexjob_operator.places import Places
from indexjob_operator.resource.conditions import Said
from indexjob_operator.resource.requests import UnreadableSpecError, refusal_of, request_of, spec_of
from indexjob_operator.resource.seen import Seen, version_of
from indexjob_operator.resource.status import HASTY, difference, is_handled, refused_status, status_of
from indexjob_operator.status_writer import StatusWriter
from indexjob_operator.work_queue import WorkQueue

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from indexjob.queue.resources import ResourceQueue, ResourceRow
    from indexjob_operator.status_writer import Api

logger = logging.getLogger(__name__)

RECONCILERS = 4
TICK_SECONDS = 1.0
SPACING_SECONDS = 0.1
OVERLAP = timedelta(seconds=5)
"""A row carries the time when its transaction began, and may be seen only when that has ended. What takes longer is for the sweep."""
HASTE_SECONDS = 1.0
SWEEP_SECONDS = 30.0
AFTER_AN_ERROR_SECONDS = 3.0
UNREADABLE = "the IndexJobs of the namespace %s can't be read, and what they asked for goes on as it is: %s"


class Mirror:
    """Of one term: only who leads has one.

    `tenant_of` says whose the IndexJobs of a namespace are, `may_look_in` whether their Secrets may lie there; `namespaces` are those that are looked
    after, None is all.
    """

    def __init__(
        self,
        queue: ResourceQueue,
        api: Api,
        database_url: Callable[[], str],
        *,
        tenant_of: Callable[[str], str],
        may_look_in: Callable[[str], bool],
        namespaces: Sequence[str] = (),
        sweep_seconds: float = SWEEP_SECONDS,
    ) -> None:
        self._queue = queue
        self._api = api
        self._database_url = database_url
        self._tenant_of = tenant_of
        self._may_look_in = may_look_in
        self._namespaces: Sequence[str | None] = namespaces or (None,)
        self._sweep_seconds = sweep_seconds
        self._work: WorkQueue[str] = WorkQueue()
        self._resources: dict[str, Seen] = {}
        self._hinted: dict[str, tuple[str, str, int]] = {}
        self._gone: set[str] = set()
        self._unreadable: set[str | None] = set()
        self._rows: dict[str, ResourceRow] = {}
        self._places = Places(queue, self._work.add)
        self._writer = StatusWriter(api)
        self._ended: set[UUID] = set()
        self._wake = asyncio.Event()
        self._swept = asyncio.Event()

    @property
    def loops(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        """What a term runs beside its own loops, each begun anew when it fails."""
        return (self._sweep, self._tick, self._listen, self._places.run, *[self._work_off] * RECONCILERS)

    @property
    def idle(self) -> bool:
        """Nothing is left to do that is known."""
        return self._swept.is_set() and self._work.idle

    def hear(self, metadata: Mapping[str, Any], gone: bool = False) -> None:  # noqa: FBT001, FBT002 - one hint, of two kinds
        """An IndexJob may have changed, or is gone."""
        uid = str(metadata.get("uid", ""))
        if gone:
            self._gone.add(uid)
            self._work.add(uid)
            return
        seen = self._resources.get(uid)
        if seen is not None and version_of(metadata) <= seen.version:
            return  # it is our own writing that comes back
        self._hint(uid, str(metadata.get("namespace", "")), str(metadata.get("name", "")), version_of(metadata))

    async def sweep(self) -> None:
        """Compare all resources with all rows. What is known before the resources are read was there before: if it isn't now, it is gone."""
        known = set(self._resources) | await self._queue.uids()
        there, unreadable = await self._read_all()
        gone = known - there - self._hinted.keys()
        if unreadable:  # what may be there is not gone
            gone = {uid for uid in gone if uid in self._resources and self._resources[uid].namespace not in unreadable}
        if gone:
            await self._let_go(gone)
        with_row: set[str] = set()
        async for rows in self._queue.pages():
            with_row.update(row.uid for row in rows)
            self._compare(rows)
        for uid in there - with_row:
            if (seen := self._resources.get(uid)) is not None and not seen.finished:
                self._work.add(uid)
        self._swept.set()

    async def reconcile(self, uid: str) -> None:
        """Bring this resource and its row in step."""
        await self._look_if_hinted(uid)
        seen = self._resources.get(uid)
        if seen is None:
            return
        row = self._rows.pop(uid, None)
        if seen.spec is not None:
            row = await self._apply(seen, seen.spec)
        elif row is None or (seen.row_stamp is not None and row.stamp <= seen.row_stamp):
            row = await self._queue.find(uid)
        if row is not None:
            await self._show(seen, row)
        elif not seen.finished and self._resources.get(uid) is seen:
            await self._ask_again(seen)

    # What a resource asks for

    async def _read_all(self) -> tuple[set[str], set[str | None]]:
        """The uids of all resources, and the namespaces that could not be read; one at least could be."""
        there: set[str] = set()
        refused: dict[str | None, RefusedError] = {}
        for namespace in self._namespaces:
            try:
                async for resource in self._api.objects(INDEX_JOBS, namespace):
                    if self._see(resource):
                        there.add(resource["metadata"]["uid"])
            except RefusedError as error:
                refused[namespace] = error
        if len(refused) == len(self._namespaces):
            raise next(iter(refused.values()))
        for namespace in refused.keys() - self._unreadable:
            logger.warning(UNREADABLE, namespace, refused[namespace], extra={"action": "namespace-unreadable"})
        self._unreadable = set(refused)
        return there, self._unreadable

    def _see(self, resource: Mapping[str, Any]) -> Seen | None:
        """Take note of a resource as it is; None if it is being deleted."""
        metadata = resource["metadata"]
        if metadata.get("deletionTimestamp"):
            return None
        known = self._resources.get(metadata["uid"])
        if known is not None and version_of(metadata) <= known.version:
            return known
        seen = Seen.of(resource)
        if known is not None:
            seen.written_at = known.written_at
            seen.row_stamp = known.row_stamp if known.written == seen.written else None
        self._resources[seen.uid] = seen
        if seen.spec is not None:
            self._work.add(seen.uid)
        return seen

    def _hint(self, uid: str, namespace: str, name: str, version: int) -> None:
        self._hinted[uid] = (namespace, name, version)
        self._work.add(uid)

    async def _look_if_hinted(self, uid: str) -> None:
        """Read a resource that was heard of, unless it was read since."""
        if uid in self._gone:
            await self._let_go([uid])
            self._gone.discard(uid)
            self._hinted.pop(uid, None)
        if (hint := self._hinted.get(uid)) is None:
            return
        namespace, name, version = hint
        known = self._resources.get(uid)
        if known is None or known.version < version:
            resource = await self._api.get(INDEX_JOBS, namespace, name)
            if resource is None or resource["metadata"]["uid"] != uid or self._see(resource) is None:
                await self._let_go([uid])
        if self._hinted.get(uid) == hint:
            del self._hinted[uid]

    async def _let_go(self, uids: Collection[str]) -> None:
        """These resources are gone: nothing that they asked for is left under way."""
        reach("resource-gone")
        if dropped := await self._queue.drop(uids):
            logger.info("%s rows have no IndexJob any more", dropped, extra={"action": "resource-gone"})
        for uid in uids:
            self._resources.pop(uid, None)
            self._rows.pop(uid, None)
            self._places.forget(uid)

    async def _apply(self, seen: Seen, said: Mapping[str, Any]) -> ResourceRow | None:
        """Tell the queue what the resource asks for; None if it was refused, or has ended and its row is gone."""
        before, row = seen.status, await self._queue.find(seen.uid)
        if row is None and seen.finished and is_handled(before, seen.token):
            await self._write(seen, before | {"observedGeneration": seen.generation})
            return None
        reach("resource-applying")
        try:
            asked = request_of(
                spec_of(said),
                tenant=self._tenant_of(seen.namespace),
                credentials_namespace=seen.namespace if self._may_look_in(seen.namespace) else None,
            )
            await self._queue.apply(seen.uid, seen.token, asked)
        except (psycopg.Error, UnreadableSpecError) as error:
            if (why := refusal_of(error)) is None:
                raise
            now = datetime.now(UTC)
            logger.info("refused an IndexJob: %s", why[1], extra={"action": "resource-refused", "resource": seen.uid})
            await self._write(
                seen,
                refused_status(Said(*why), token=seen.token, generation=seen.generation, before=before, now=now),
            )
            return None
        reach("resource-applied")
        seen.spec = None
        return await self._queue.find(seen.uid)

    async def _ask_again(self, seen: Seen) -> None:
        """Its row is gone before its time: the database was restored, say."""
        resource = await self._api.get(INDEX_JOBS, seen.namespace, seen.name)
        if resource is None or resource["metadata"]["uid"] != seen.uid:
            await self._let_go([seen.uid])
            return
        again = Seen.of(resource)
        again.spec = resource.get("spec") or {}
        self._resources[seen.uid] = again
        self._work.add(seen.uid)

    # What became of it

    def _compare(self, rows: Sequence[ResourceRow]) -> None:
        """Have those looked at that changed since they were shown."""
        for row in rows:
            seen = self._resources.get(row.uid)
            if seen is not None and seen.row_stamp != row.stamp:
                self._rows[row.uid] = row
                self._work.add(row.uid)

    async def _show(self, seen: Seen, row: ResourceRow) -> None:
        """Write what differs of the status, unless it is nothing but progress and was written just now."""
        loop, before = asyncio.get_running_loop(), seen.status
        waiting = self._places.take(row)
        after = status_of(row, waiting, generation=seen.generation, before=before, now=datetime.now(UTC))
        changed = difference(before, after).keys()
        if changed and changed <= HASTY and loop.time() < seen.written_at + HASTE_SECONDS:
            loop.call_at(seen.written_at + HASTE_SECONDS, self._work.add, row.uid)
        elif shown := await self._write(seen, after):
            shown.row_stamp = row.stamp

    async def _write(self, seen: Seen, after: Mapping[str, Any]) -> Seen | None:
        """The resource with that status; None if it is not there any more, or another one is in its place."""
        if not (changes := difference(seen.status, after)):
            seen.spec = None
            return seen
        try:
            shown = self._see(await self._writer.write(seen, after, changes))
        except (NotFoundError, ConflictError):
            self._hint(seen.uid, seen.namespace, seen.name, seen.version + 1)
            return None
        if shown is not None:
            shown.written_at = asyncio.get_running_loop().time()
        return shown

    # The loops

    async def _sweep(self) -> None:
        while True:
            pause = self._sweep_seconds
            try:
                await self.sweep()
            except KubernetesApiError as error:
                logger.warning("the IndexJobs can't be listed: %s", error, extra={"action": "api-error"})
                pause = min(pause, AFTER_AN_ERROR_SECONDS)
            await asyncio.sleep(pause)

    async def _tick(self) -> None:
        """Ask what has changed: at once when a job has ended, and every second."""
        await self._swept.wait()
        since = datetime.now(UTC) - timedelta(hours=1)
        while True:
            self._wake.clear()
            ended, self._ended = self._ended, set()
            try:
                clock, rows = await self._queue.changed(since, ended)
            except psycopg.Error:
                self._ended |= ended
                raise
            since = clock - OVERLAP
            self._compare(rows)
            await asyncio.sleep(SPACING_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_SECONDS - SPACING_SECONDS):
                    await self._wake.wait()

    async def _listen(self) -> None:
        await listen(self._database_url, FINISHED, self._heard)

    def _heard(self, payload: str) -> None:
        with suppress(ValueError):
            self._ended.add(UUID(payload))
            self._wake.set()

    async def _work_off(self) -> None:
        while True:
            uid = await self._work.get()
            try:
                await self.reconcile(uid)
                self._work.forget(uid)
            except LeadershipLostError:
                raise
            except Exception as error:
                pause = self._work.retry(uid)
                metrics.FAILED_RECONCILES.inc()
                logger.warning(
                    "%s; again in %.1f s",
                    error,
                    pause,
                    exc_info=None if isinstance(error, (KubernetesApiError, psycopg.Error)) else error,
                    extra={"action": "mirror-failed", "resource": uid},
                )
            finally:
                self._work.done(uid)
