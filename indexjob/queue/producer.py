"""The producer's side of the queue: ask for repositories to be indexed, steer what was asked for, look at it, wait for its end.

Everything is a call of the SQL contract on a connection of yours, so it takes part in your own transaction; in any language the same calls are there.
Refusals come as Postgres raises them: `invalid_parameter_value`, `no_data_found`, `insufficient_privilege`, with a message and a hint for people.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg.rows import class_row

from indexjob.queue.wakeup import FINISHED, listen

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection, Sequence
    from datetime import datetime

    from psycopg import AsyncConnection, errors

FINISHED_STATES = ("completed", "failed", "cancelled", "skipped")
STATES = ("queued", "launching", "running", "suspended", *FINISHED_STATES)
LOOK_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRequest:
    """What `indexjob.enqueue` takes. `options`: credentials_secret, active_deadline_seconds, ttl_seconds_after_finished, include, exclude, languages."""

    repository: str
    revision: str = "HEAD"
    priority: int = 0
    run_after: datetime | None = None
    idempotency_key: str | None = None
    batch: str | None = None
    backoff_limit: int = 3
    profile: str = "default"
    tenant: str = "default"
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the view `indexjob.jobs`."""

    id: UUID
    repository: str
    revision: str
    commit: str | None
    state: str
    reason: str | None
    message: str | None
    step: str | None
    progress: int
    attempts: int
    launches: int
    priority: int
    tenant: str
    batch: str | None
    run_after: datetime
    created_at: datetime
    updated_at: datetime
    heartbeat_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    job_name: str | None
    namespace: str | None
    stats: dict[str, Any] | None

    @property
    def finished(self) -> bool:
        """Nothing more happens to it, unless it is retried."""
        return self.finished_at is not None

    @property
    def ended_badly(self) -> bool:
        """It is finished, and its repository is not indexed as asked."""
        return self.state in {"failed", "cancelled"}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One row of the view `indexjob.attempts`: one pod of a launch."""

    job_id: UUID
    launch: int
    number: int
    started_at: datetime
    finished_at: datetime | None
    exit_code: int | None
    reason: str | None
    message: str | None
    pod: str | None
    node: str | None
    peak_memory_bytes: int | None
    steps: dict[str, float] | None
    log_tail: str | None


@dataclass(frozen=True, slots=True)
class Steered:
    """What became of a cancel, retry, suspend or resume: whether it was this call that did it, and if not, why."""

    id: UUID
    changed: bool
    note: str


JOBS = f"SELECT {', '.join(f.name for f in fields(Job))} FROM indexjob.jobs"  # noqa: S608  (names of ours)
ATTEMPTS = f"SELECT {', '.join(f.name for f in fields(Attempt))} FROM indexjob.attempts"  # noqa: S608


async def enqueue(connection: AsyncConnection, request: IndexRequest) -> UUID:
    """Ask for a repository to be indexed; the id of the new job, or of the one that has this idempotency key already."""
    cursor = await connection.execute(
        "SELECT indexjob.enqueue(%s, %s, %s, coalesce(%s::timestamptz, now()), %s, %s, %s, %s, %s, %s)",
        (
            *(request.repository, request.revision, request.priority, request.run_after, request.idempotency_key),
            *(request.batch, request.backoff_limit, request.profile, request.tenant, json.dumps(request.options)),
        ),
    )
    row = await cursor.fetchone()
    assert row is not None
    job: UUID = row[0]
    return job


async def cancel(connection: AsyncConnection, job: UUID, reason: str | None = None) -> Steered:
    """End a job that is not finished."""
    return await _steer(connection, job, "SELECT indexjob.cancel(%s, %s)", reason)


async def retry(connection: AsyncConnection, job: UUID) -> Steered:
    """Queue a failed or cancelled job again, with its full backoff limit."""
    return await _steer(connection, job, "SELECT indexjob.retry(%s)")


async def suspend(connection: AsyncConnection, job: UUID) -> Steered:
    """Set a job aside; what runs of it is taken down."""
    return await _steer(connection, job, "SELECT indexjob.suspend(%s)")


async def resume(connection: AsyncConnection, job: UUID) -> Steered:
    """Queue a suspended job again."""
    return await _steer(connection, job, "SELECT indexjob.resume(%s)")


async def _steer(connection: AsyncConnection, job: UUID, query: str, *more: object) -> Steered:
    notes: list[str] = []

    def note(notice: errors.Diagnostic) -> None:
        notes.append(notice.message_primary or "")

    connection.add_notice_handler(note)
    try:
        row = await (await connection.execute(query, (job, *more))).fetchone()
    finally:
        connection.remove_notice_handler(note)
    return Steered(job, bool(row and row[0]), " ".join(notes))


async def find_jobs(
    connection: AsyncConnection,
    *,
    states: Sequence[str] = (),
    repository: str | None = None,
    batch: str | None = None,
    tenant: str | None = None,
    limit: int = 100,
) -> list[Job]:
    """The caller's jobs, newest first. `repository` may be spelt in any way that names the same one."""
    filters = {
        "state = ANY (%s)": list(states) or None,
        "repository = indexjob.normalize_repository(%s)": repository,
        "batch = %s": batch,
        "tenant = %s": tenant,
    }
    wanted = {condition: value for condition, value in filters.items() if value is not None}
    where = " AND ".join(wanted) or "true"
    # Which ones first, all about them then: else attempts would be counted for every row that is only sorted.
    newest = f"SELECT id FROM indexjob.jobs WHERE {where} ORDER BY created_at DESC, id LIMIT %s"  # noqa: S608
    query = f"{JOBS} WHERE id = ANY (ARRAY({newest})) ORDER BY created_at DESC, id"
    async with connection.cursor(row_factory=class_row(Job)) as cursor:
        await cursor.execute(query, (*wanted.values(), limit))
        return await cursor.fetchall()


async def read_jobs(connection: AsyncConnection, ids: Collection[UUID]) -> list[Job]:
    """These jobs, oldest first; those that are gone or another tenant's are left out."""
    async with connection.cursor(row_factory=class_row(Job)) as cursor:
        await cursor.execute(f"{JOBS} WHERE id = ANY (%s) ORDER BY created_at, id", (list(ids),))
        return await cursor.fetchall()


async def waits_for(connection: AsyncConnection, job: UUID) -> str | None:
    """Why a job isn't running, and its place in line; None if it isn't waiting."""
    row = await (
        await connection.execute("SELECT reason, place FROM indexjob.waiting WHERE id = %s", (job,))
    ).fetchone()
    if row is None:
        return None
    return f"{row[0]}, place {row[1]}" if row[1] else str(row[0])


async def read_attempts(connection: AsyncConnection, job: UUID) -> list[Attempt]:
    """The job's attempts, oldest first."""
    async with connection.cursor(row_factory=class_row(Attempt)) as cursor:
        await cursor.execute(f"{ATTEMPTS} WHERE job_id = %s ORDER BY number", (job,))
        return await cursor.fetchall()


async def ids_beginning_with(connection: AsyncConnection, prefix: str, limit: int = 5) -> list[UUID]:
    """The ids of the caller's jobs that begin with these hexadecimal digits; found by the primary key."""
    digits = prefix.replace("-", "").lower()
    first, last = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    cursor = await connection.execute(
        "SELECT id FROM indexjob.jobs WHERE id BETWEEN %s AND %s ORDER BY id LIMIT %s", (first, last, limit)
    )
    return [row[0] for row in await cursor.fetchall()]


async def follow(
    database_url: str, connection: AsyncConnection, ids: Collection[UUID], *, every: float = LOOK_SECONDS
) -> AsyncGenerator[list[Job], None]:
    """The jobs as they are now, then again and again until all of them are finished.

    Looks at once when a job ends (a notification says so), and every so many seconds for progress, and because notifications may get lost.
    """
    ended = asyncio.Event()
    listening = asyncio.create_task(listen(lambda: database_url, FINISHED, lambda _: ended.set()))
    try:
        while True:
            ended.clear()
            jobs = await read_jobs(connection, ids)
            yield jobs
            if all(job.finished for job in jobs):
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(every):
                    await ended.wait()
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening
