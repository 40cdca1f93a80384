"""The leader's connections.

A term ends by cancelling what waits, and most of it waits here. Before Python 3.12 `asyncio.wait_for`, by which psycopg_pool waits for a connection to
become free, forgets the cancellation that comes with the connection (https://github.com/psycopg/psycopg/issues/1345): the loop then goes on, and a term
waits for it that never ends.

psycopg_pool gives its connections in turns, so that at a moderate pace each of ten is as good as new for each call.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from psycopg_pool import AsyncConnectionPool

from indexjob.keepalive import NOTICE_WHO_IS_GONE

if TYPE_CHECKING:
    from psycopg import AsyncConnection


class Pool(AsyncConnectionPool):
    """A pool that is left by whoever is cancelled while it waits, and gives the connection that was used last."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, configure=_configure, **kwargs)

    async def getconn(self, timeout: float | None = None) -> AsyncConnection:  # noqa: ASYNC109 - as in the pool itself
        """A connection, to be given back by `putconn`.

        Raises:
            PoolTimeout: none became free in `timeout` seconds, None: the pool's own.
        """
        self._pool.rotate(
            1
        )  # from the end to the front: what a server process has read and planned makes its next call several times as fast
        task = asyncio.current_task()
        cancelled_before = task.cancelling() if task else 0
        connection = await super().getconn(timeout)
        if task and task.cancelling() > cancelled_before:
            await self.putconn(connection)
            raise asyncio.CancelledError
        return connection


async def _configure(connection: AsyncConnection) -> None:
    await connection.execute(NOTICE_WHO_IS_GONE)
    await connection.commit()
