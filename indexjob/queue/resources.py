"""The queue as the mirror of IndexJob resources uses it: what a resource asks for goes in, what became of it comes out.

What is written carries the epoch of the lease, as all that a leader writes.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from psycopg import errors
from psycopg.rows import class_row

from indexjob.queue.leader import LEADERSHIP_LOST, LeadershipLostError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping
    from datetime import datetime
    from uuid import UUID

    from psycopg import AsyncConnection
    from psycopg_pool import AsyncConnectionPool

PAGE = 1000


@dataclass(frozen=True, slots=True)
class ResourceRow:
    """The row that a resource is shown: one of the view `indexjob.resources`."""

    id: UUID
    uid: str
    token: str
    state: str
    line: str | None
    gave_way_to: UUID | None
    reason: str | None
    message: str | None
    commit: str | None
    launch: int
    run_after: datetime
    job_name: str | None
    namespace: str | None
    step: str | None
    progress: int
    attempts: int
    log_tail: str | None
    stats: dict[str, Any] | None
    created_at: datetime
    updated_at: datetime
    heartbeat_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def stamp(self) -> datetime:
        """When something of it changed last."""
        return max(self.updated_at, self.heartbeat_at or self.updated_at)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a queued row isn't running, as the view `indexjob.waiting` says."""

    uid: str
    reason: str
    place: int | None
    behind: UUID | None


COLUMNS = ", ".join(f"r.{field.name}" for field in fields(ResourceRow))
ROWS = f"SELECT {COLUMNS} FROM indexjob.resources r"  # noqa: S608 - names of ours
CHANGED = f"""
SELECT now(), c.* FROM (VALUES (1)) AS clock LEFT JOIN (
    {ROWS} WHERE r.finished_at IS NULL AND r.updated_at >= %(since)s
    UNION ALL {ROWS} JOIN indexjob.slots s ON s.job_id = r.id WHERE r.heartbeat_at >= %(since)s
    UNION ALL {ROWS} WHERE r.finished_at >= %(since)s
    UNION ALL {ROWS} WHERE r.id = ANY (%(also)s)
) AS c ON true
"""  # noqa: S608
WAITING = """
SELECT r.uid, w.reason, w.place, w.behind
FROM indexjob.resources r CROSS JOIN LATERAL (SELECT w.reason, w.place, w.behind FROM indexjob.waiting w WHERE w.id = r.id LIMIT 1) AS w
WHERE r.uid = ANY (%s)
"""


class ResourceQueue:
    """What the leader's mirror may do, for as long as `epoch` is the leader's own."""

    def __init__(self, pool: AsyncConnectionPool, epoch: int) -> None:
        self._pool = pool
        self._epoch = epoch

    async def apply(self, uid: str, token: str, request: Mapping[str, Any]) -> UUID:
        """Make the queue what this resource says; the id of its run.

        Raises:
            psycopg.Error: also where the request is refused, in the database's words.
        """
        found: UUID = await self._value(
            "SELECT indexjob.apply_resource(%s, %s, %s, %s)", self._epoch, uid, token, json.dumps(request)
        )
        return found

    async def drop(self, uids: Collection[str]) -> int:
        """These resources are gone: how many rows nobody looks at any more."""
        return int(await self._value("SELECT indexjob.drop_resources(%s, %s)", self._epoch, list(uids)))

    async def find(self, uid: str) -> ResourceRow | None:
        """The row of this resource."""
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(ResourceRow)) as rows:
            return await (await rows.execute(f"{ROWS} WHERE r.uid = %s", (uid,))).fetchone()

    async def uids(self) -> set[str]:
        """Of all resources that have a row."""
        async with self._pool.connection() as connection:
            return {row[0] for row in await (await connection.execute("SELECT uid FROM indexjob.resources")).fetchall()}

    async def pages(self) -> AsyncIterator[list[ResourceRow]]:
        """All rows of resources, some at a time."""
        last = ""
        while True:
            async with (
                self._pool.connection() as connection,
                connection.cursor(row_factory=class_row(ResourceRow)) as rows,
            ):
                await rows.execute(f"{ROWS} WHERE r.uid > %s ORDER BY r.uid LIMIT {PAGE}", (last,))
                page = await rows.fetchall()
            yield page
            if len(page) < PAGE:
                return
            last = page[-1].uid

    async def changed(self, since: datetime, also: Collection[UUID]) -> tuple[datetime, list[ResourceRow]]:
        """The database's clock, and the rows of resources that changed since it said that; and these rows."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(CHANGED, {"since": since, "also": list(also)})
            found = await cursor.fetchall()
        return found[0][0], [ResourceRow(*row[1:]) for row in found if row[1] is not None]

    async def waiting(self, uids: Collection[str]) -> list[Waiting]:
        """Why the runs of these resources wait; those that don't are left out."""
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Waiting)) as rows:
            return await (await rows.execute(WAITING, (list(uids),))).fetchall()

    async def _value(self, query: str, *values: object) -> Any:
        async with self._transaction() as connection:
            row = await (await connection.execute(query, values)).fetchone()
        return row[0] if row else None

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._pool.connection() as connection:
                yield connection
        except errors.Error as error:
            if error.sqlstate == LEADERSHIP_LOST:
                raise LeadershipLostError(self._epoch) from error
            raise
