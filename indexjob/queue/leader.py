"""The operator's side of the queue: the lease, claiming, recording.

Every write carries the epoch of the lease, so an operator that was frozen past its lease and wakes up changes nothing. What a call gives back says
whether it was this call that did it: if not, somebody else did, and the caller does nothing more.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

from psycopg import errors
from psycopg.rows import class_row

from indexjob.queue.kept_connection import KeptConnection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from datetime import datetime, timedelta
    from uuid import UUID

    from psycopg import AsyncConnection
    from psycopg_pool import AsyncConnectionPool

from contextlib import asynccontextmanager, contextmanager

LEADERSHIP_LOST = "IJ001"


class LeadershipLostError(Exception):
    """Another operator leads: stop writing, and stand for election again."""


@dataclass(frozen=True, slots=True)
class ActiveJob:
    """An index job with a launch under way, or with one that has yet to go.

    `launch` is the row's newest, `slot_launch` the one that holds the repository's slot (the same, but for a job that was requeued by its
    producer before its pods were gone). `backoff_left` is what is left of `backoffLimit`, `oom_kills` how often launches before this one ran
    out of memory, `disruptions` how many of its pods the cluster ended. While it is under way, `reason` and `message` say why no pod of it has
    started; `ending` is what was judged of a launch that is being taken down. `heartbeat_timeout` is the setting as it is at this moment.
    """

    id: UUID
    tenant: str
    repository: str
    clone_url: str
    revision: str
    profile: str
    options: dict[str, Any]
    state: str
    launch: int
    slot_launch: int
    backoff_left: int
    verdict: str | None
    reason: str | None
    launched_at: datetime | None
    started_at: datetime | None
    heartbeat_at: datetime | None
    due_at: datetime
    heartbeat_timeout: timedelta
    ttl_seconds_after_finished: int | None = None
    message: str | None = None
    oom_kills: int = 0
    disruptions: int = 0
    ending: dict[str, Any] | None = None
    papers: tuple[dict[str, dict[str, list[str]]], str] | None = field(default=None, repr=False)

    def known_commits(self, limits: str) -> dict[int, list[str]]:
        """By extractor version, the newest commits whose index with this job's selection and these limits is there already."""
        known = self.papers[0] if self.papers else {}
        return {int(version): commits[limits] for version, commits in known.items() if limits in commits}

    @property
    def launch_token(self) -> str:
        """What lets this launch's worker, and no other, publish."""
        return self.papers[1] if self.papers else ""

    @property
    def under_way(self) -> bool:
        """Its launch is the one that counts; otherwise what is left of it must go."""
        return self.state in ("launching", "running")


@dataclass(frozen=True, slots=True)
class Depth:
    """How many unfinished jobs a tenant has in one state; of those queued, how long the oldest that is due has waited."""

    tenant: str
    state: str
    jobs: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class Standing:
    """What has become of an index job, for who finds something of it: its state, its newest launch, how long its Job is kept (None: not said)."""

    state: str
    launch: int
    ttl_seconds: int | None
    profile: str

    @property
    def finished(self) -> bool:
        """It has ended."""
        return self.state in ("completed", "failed", "cancelled", "skipped")


@dataclass(frozen=True, slots=True)
class FinishedLaunch:
    """The verdict on a launch, as `record_finished` takes it.

    `attempts` are those of which it was not told before; keys as in `sql/functions/record_attempt.sql`.
    """

    id: UUID
    launch: int
    reason: str
    message: str
    attempts: Sequence[dict[str, Any]] = ()


COLUMNS = (
    "id, tenant, repository, clone_url, revision, profile, options, state, launch, slot_launch, backoff_left, verdict, reason,"
    " launched_at, started_at, heartbeat_at, due_at, ttl_seconds_after_finished, message, oom_kills, disruptions, ending,"
    " (SELECT least(heartbeat_timeout, '1 year') FROM indexjob.settings) AS heartbeat_timeout"  # no timedelta is infinite
)
ACTIVE = f"SELECT {COLUMNS} FROM indexjob.active"  # noqa: S608 - names of ours
PAPERS = "jsonb_build_array(indexjob.known_commits(tenant, repository, options), indexjob.launch_token(id, launch))"
FIND = f"SELECT {COLUMNS}, CASE WHEN state = 'launching' THEN {PAPERS} END AS papers FROM indexjob.active WHERE id = %s"  # noqa: S608 - as above


class LeaderQueue:
    """What one leader may do, for as long as `epoch` is its own."""

    def __init__(self, pool: AsyncConnectionPool, epoch: int) -> None:
        self.epoch = epoch
        self._pool = pool
        self._claims = KeptConnection(pool)

    @classmethod
    async def elect(cls, pool: AsyncConnectionPool, holder: str, ttl: timedelta) -> Self | None:
        """Take the lease if it is free; None while another operator holds it."""
        async with pool.connection() as connection:
            row = await (await connection.execute("SELECT indexjob.acquire_lease(%s, %s)", (holder, ttl))).fetchone()
        return cls(pool, row[0]) if row and row[0] is not None else None

    async def close(self) -> None:
        """Give back what is kept of the pool; the lease is left as it is."""
        await self._claims.release()

    async def renew(self, ttl: timedelta) -> None:
        """Hold the lease for `ttl` from now; zero gives it back.

        Raises:
            LeadershipLostError: another operator took over.
        """
        if not await self._value("SELECT indexjob.renew_lease(%s, %s)", self.epoch, ttl):
            raise LeadershipLostError(self.epoch)

    async def claim(self, wanted: int, at_once: int, namespace: str | None) -> list[UUID]:
        """Take up to `wanted` jobs for launching, so that no more than `at_once` are under way; the most urgent first.

        A crash of Postgres may still undo it: nothing is launched before `confirm_claims`.
        """
        with self._fenced():
            async with self._claims.connection() as connection:
                cursor = await connection.execute(
                    "SELECT id FROM indexjob.claim(%s, %s, %s, %s)", (self.epoch, wanted, at_once, namespace)
                )
                return [row[0] for row in await cursor.fetchall()]

    async def confirm_claims(self) -> None:
        """What was claimed before is on the disk. Apart from the claim, so that the next one goes on meanwhile."""
        async with self._pool.connection() as connection:
            await connection.execute("SELECT indexjob.confirm_claims()")

    async def active(self) -> list[ActiveJob]:
        """All that has a launch to look after."""
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(ActiveJob)) as cursor:
            return await (await cursor.execute(ACTIVE)).fetchall()

    async def find(self, job: UUID) -> ActiveJob | None:
        """This job, if there is a launch of it to look after; with what that takes along, if it has yet to be made: its start waits for this call."""
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(ActiveJob)) as cursor:
            return await (await cursor.execute(FIND, (job,))).fetchone()

    async def standing(self, jobs: Sequence[UUID]) -> dict[UUID, Standing]:
        """What has become of these; those that are not in it are in no row."""
        query = "SELECT id, state::text, launch, ttl_seconds_after_finished, profile FROM indexjob.index_jobs WHERE id = ANY (%s)"
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(query, (list(jobs),))).fetchall()
        return {row[0]: Standing(*row[1:]) for row in rows}

    async def instance(self) -> UUID:
        """Which database this is."""
        found: UUID = await self._value("SELECT id FROM indexjob.instance")
        return found

    async def record_running(self, job: UUID, launch: int) -> bool:
        """A pod of this launch has started."""
        return bool(await self._value("SELECT indexjob.record_running(%s, %s, %s)", self.epoch, job, launch))

    async def record_waiting(self, job: UUID, launch: int, reason: str | None, message: str | None) -> bool:
        """Why no pod of this launch has started; None once one has, or is about to. Whether that was news."""
        query = "SELECT indexjob.record_waiting(%s, %s, %s, %s, %s)"
        return bool(await self._value(query, self.epoch, job, launch, reason, message))

    async def record_ending(self, job: UUID, launch: int, judged: dict[str, Any]) -> bool:
        """What becomes of the job once this launch is gone, which is about to be taken down; whether it is still the one that counts."""
        query = "SELECT indexjob.record_ending(%s, %s, %s, %s)"
        return bool(await self._value(query, self.epoch, job, launch, json.dumps(judged)))

    async def record_attempt(self, job: UUID, launch: int, attempt: dict[str, Any]) -> None:
        """What the runtime saw of one pod; keys as in `sql/functions/record_attempt.sql`."""
        await self._value(
            "SELECT indexjob.record_attempt(%s, %s, %s, %s)", self.epoch, job, launch, json.dumps(attempt)
        )

    async def record_finished(self, ended: Sequence[FinishedLaunch]) -> set[UUID]:
        """End launches for good; the ids that this call finished."""
        outcomes = json.dumps([asdict(one) | {"id": str(one.id)} for one in ended])
        async with self._transaction() as connection:
            cursor = await connection.execute("SELECT indexjob.record_finished(%s, %s)", (self.epoch, outcomes))
            return {row[0] for row in await cursor.fetchall()}

    async def record_requeued(
        self,
        job: UUID,
        launch: int,
        *,
        reason: str,
        message: str,
        spent: int = 0,
        infrastructure: bool = False,
        due: datetime | None = None,
    ) -> str | None:
        """Put the job back in line for another launch; the state that it is in now, None if the launch was somebody else's.

        `due` is for what has to wait; this machine's clock is not asked otherwise: the queue goes by the database's.
        """
        query = "SELECT indexjob.record_requeued(%s, %s, %s, %s, %s, %s, %s, %s)::text"
        state: str | None = await self._value(
            query, self.epoch, job, launch, due, reason, message, spent, infrastructure
        )
        return state

    async def release_slot(self, job: UUID, launch: int) -> bool:
        """Nothing of this launch is left: the repository is free."""
        return bool(await self._value("SELECT indexjob.release_slot(%s, %s, %s)", self.epoch, job, launch))

    async def mend(self) -> int:
        """The sweep's part of the queue: how much was mended."""
        return int(await self._value("SELECT indexjob.mend(%s)", self.epoch))

    async def prune(self, older_than: timedelta, at_most: int) -> int:
        """Delete jobs that finished that long ago: how many."""
        return int(await self._value("SELECT indexjob.prune(%s, %s)", older_than, at_most))

    async def collect_garbage(self, keep_snapshots: int, at_most: int) -> dict[str, int]:
        """Forget some of what no revision needs any more: how many of each kind."""
        found = await self._value(
            "SELECT to_jsonb(g) FROM indexjob.collect_garbage(%s, max_rows => %s) AS g", keep_snapshots, at_most
        )
        return dict(found)

    async def depths(self) -> list[Depth]:
        """How deep the queue is."""
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Depth)) as cursor:
            return await (
                await cursor.execute("SELECT tenant, state, jobs, oldest_seconds FROM indexjob.depths")
            ).fetchall()

    async def _value(self, query: str, *values: object) -> Any:
        async with self._transaction() as connection:
            row = await (await connection.execute(query, values)).fetchone()
        return row[0] if row else None

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        with self._fenced():
            async with self._pool.connection() as connection:
                yield connection

    @contextmanager
    def _fenced(self) -> Iterator[None]:
        try:
            yield
        except errors.Error as error:
            if error.sqlstate == LEADERSHIP_LOST:
                raise LeadershipLostError(self.epoch) from error
            raise
