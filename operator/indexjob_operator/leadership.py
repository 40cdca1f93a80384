"""Holds the lease, and serves for as long as it is held.

One process leads; the others stand by and try again before the lease has run out twice. Losing the lease, or Postgres for a while, ends no process: the term is
over, and the election starts anew.
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
    from collections.abc import Callable, Coroutine
    from typing import Any

    from psycopg_pool import AsyncConnectionPool

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=15)
RETRY_SECONDS = 1.0


async def lead(
    pool: AsyncConnectionPool,
    holder: str,
    serve: Callable[[LeaderQueue], Coroutine[Any, Any, None]],
    stop: asyncio.Event,
    *,
    lease: timedelta = LEASE,
    heard: Callable[[BaseException | None], None] = lambda _: None,
) -> None:
    """Stand for election until elected, then `serve`; when that ends by itself, or `stop` is set before, give the lease back and return.

    Serving is cancelled when the lease is lost, and begins again once it is held again. `heard` is told after each try what was wrong with Postgres, None if
    nothing was.
    """
    while not stop.is_set():
        try:
            async with asyncio.timeout(lease.total_seconds()):
                queue = await LeaderQueue.elect(pool, holder, lease)
            heard(None)
            if queue is not None:
                logger.info("leading, epoch %s", queue.epoch, extra={"action": "elected"})
                await _hold(queue, serve, lease, heard)
                with suppress(psycopg.Error, LeadershipLostError):
                    await queue.renew(timedelta(0))
                return
        except LeadershipLostError:
            logger.warning(
                "the lease is lost: another operator leads now, or Postgres was away for longer than it lasts",
                extra={"action": "deposed"},
            )
        except (psycopg.Error, TimeoutError) as error:
            heard(error)
            logger.warning("Postgres fails: %s", said(error), extra={"action": "database-error"})
        with suppress(TimeoutError):
            async with asyncio.timeout(min(RETRY_SECONDS, lease.total_seconds() / 3)):
                await stop.wait()


def said(error: BaseException) -> str:
    """In a sentence; a timeout has none of its own."""
    return str(error) or "it gave no answer in time."


async def _hold(
    queue: LeaderQueue,
    serve: Callable[[LeaderQueue], Coroutine[Any, Any, None]],
    lease: timedelta,
    heard: Callable[[BaseException | None], None],
) -> None:
    serving, renewing = asyncio.create_task(serve(queue)), asyncio.create_task(_renew(queue, lease, heard))
    try:
        done, _ = await asyncio.wait({serving, renewing}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (serving, renewing):
            task.cancel()
        await asyncio.gather(serving, renewing, return_exceptions=True)
        await queue.close()
    for task in done:
        task.result()


async def _renew(queue: LeaderQueue, lease: timedelta, heard: Callable[[BaseException | None], None]) -> None:
    """Renew at a third of the lease; step down when it must have run out."""
    loop = asyncio.get_running_loop()
    held_until = loop.time() + lease.total_seconds()
    while True:
        await asyncio.sleep(lease.total_seconds() / 3)
        began = loop.time()
        try:
            async with asyncio.timeout(max(0.1, held_until - began)):
                await queue.renew(lease)
            held_until = began + lease.total_seconds()
            heard(None)
        except (psycopg.Error, TimeoutError) as error:
            heard(error)
            if loop.time() >= held_until:
                raise LeadershipLostError(queue.epoch) from error
