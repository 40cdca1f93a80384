"""Holds the lease, and keeps the loops going for as long as it is held.

One process leads; the others stand by and try again before the lease has run out twice. Losing the lease, Postgres or the runtime for a while ends no process: the loops are
ended, and the election starts anew.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg

from indexjob.queue.leader import LeaderQueue, LeadershipLostError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from psycopg_pool import AsyncConnectionPool

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=15)
RETRY_SECONDS = 1.0


async def lead(pool: AsyncConnectionPool, holder: str, term: Callable[[LeaderQueue], Awaitable[None]], *, lease: timedelta = LEASE) -> None:
    """Stand for election until elected, serve one `term` after the other until one ends by itself; then give the lease back.

    A term is cancelled when the lease is lost, and a new one begins once it is held again.
    """
    while True:
        try:
            queue = await LeaderQueue.elect(pool, holder, lease)
            if queue is not None:
                logger.info("leading, epoch %s", queue.epoch, extra={"action": "elected"})
                await _serve(queue, term, lease)
                with suppress(psycopg.Error, LeadershipLostError):
                    await queue.renew(timedelta(0))
                return
        except LeadershipLostError:
            logger.warning("another operator leads now", extra={"action": "deposed"})
        except psycopg.Error as error:
            logger.warning("Postgres can't be reached or refused: %s", error, extra={"action": "database-error"})
        await asyncio.sleep(min(RETRY_SECONDS, lease.total_seconds() / 3))


async def _serve(queue: LeaderQueue, term: Callable[[LeaderQueue], Awaitable[None]], lease: timedelta) -> None:
    serving = asyncio.ensure_future(term(queue))
    renewing = asyncio.ensure_future(_renew(queue, lease))
    done, pending = await asyncio.wait({serving, renewing}, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    for task in done:
        task.result()


async def _renew(queue: LeaderQueue, lease: timedelta) -> None:
    """Renew at a third of the lease; give up when it must have run out."""
    loop = asyncio.get_running_loop()
    held_until = loop.time() + lease.total_seconds()
    while True:
        await asyncio.sleep(lease.total_seconds() / 3)
        started = loop.time()
        try:
            await asyncio.wait_for(queue.renew(lease), max(0.1, held_until - started))
            held_until = started + lease.total_seconds()
        except (psycopg.Error, TimeoutError) as error:
            if loop.time() >= held_until:
                raise LeadershipLostError(queue.epoch) from error
