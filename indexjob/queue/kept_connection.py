"""A pool's connection that one kind of call keeps to itself.

Postgres caches with the session what it has planned: a call that takes a millisecond there takes twenty on a connection that has never made it, and a pool
hands out its connections in turn.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from psycopg import AsyncConnection
    from psycopg_pool import AsyncConnectionPool


class KeptConnection:
    """Taken from the pool with the first call; given back by `release`, and when a call fails: the next one takes another."""

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool
        self._kept: AsyncConnection | None = None
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """The connection, for one call at a time, which is committed."""
        async with self._turn:
            if self._kept is None:
                self._kept = await self._pool.getconn()
            try:
                yield self._kept
                await self._kept.commit()
            except BaseException:
                await self.release()
                raise

    async def release(self) -> None:
        """Give it back."""
        kept, self._kept = self._kept, None
        if kept is not None:
            await self._pool.putconn(kept)
