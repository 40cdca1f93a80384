"""Tells that the queue may have changed.

A notification is a hint, never data: it may come late, twice, or (behind a transaction-pooling PgBouncer, or while the connection is down) not at all.
Whoever waits here also looks by itself from time to time.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

WAKE = "indexjob_wake"
FINISHED = "indexjob_finished"
RECONNECT_SECONDS = 1.0
CHECK_SECONDS = 15.0
"""A connection that says nothing for so long is asked whether it is still there, by what it is for: a dead network, too, says nothing."""


async def listen(database_url: Callable[[], str], channel: str, heard: Callable[[str], None]) -> None:
    """Call `heard(payload)` for each notification, and once (with "") after each connect, until cancelled; reconnects for ever.

    `database_url` is asked at each connect: passwords change. The connection is its own, autocommit, and never prepares: LISTEN lives in the session.
    """
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(
                database_url(), autocommit=True, prepare_threshold=None, connect_timeout=10
            ) as connection:
                await connection.execute(f"LISTEN {channel}")
                heard("")
                while True:
                    async for notification in connection.notifies(timeout=CHECK_SECONDS):
                        heard(notification.payload)
                    async with asyncio.timeout(CHECK_SECONDS):
                        await connection.execute(f"LISTEN {channel}")
        except (psycopg.Error, TimeoutError) as error:
            logger.info("listening was interrupted: %s", type(error).__name__, extra={"action": "listen-interrupted"})
        await asyncio.sleep(RECONNECT_SECONDS)
