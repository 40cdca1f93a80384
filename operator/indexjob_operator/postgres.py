"""Waits for a database that this release can work with, and brings it there where it may.

A database that is down, refuses the login or has an older schema ends no process: it is said once what is wrong, and said again when that changes.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from indexjob.database import Database, migrate, place, with_timeout
from indexjob.errors import ClearError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from indexjob_operator.health import Health
    from indexjob_operator.settings import DatabaseUrls

logger = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS = 2.0
SAY_AGAIN_SECONDS = 300.0
SILENT_SECONDS = 120.0
WHAT = "the database"


def connection_options() -> dict[str, Any]:
    """How the operator's connections are made: fit for a transaction-pooling PgBouncer, and a dead network is noticed before the lease has run out twice."""
    return {
        "autocommit": True,
        "prepare_threshold": None,
        "connect_timeout": 10,
        "keepalives_idle": 5,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        "tcp_user_timeout": 15_000,
        "fallback_application_name": "indexjob-operator",
    }


async def until_usable(read: Callable[[], DatabaseUrls], directory: Path, stop: asyncio.Event, health: Health) -> None:
    """Return once the schema is there and is this release's, or when `stop` is set. The credentials are read anew for each try."""
    loop, said, said_at = asyncio.get_running_loop(), "", 0.0
    while not stop.is_set():
        health.beat(WHAT, SILENT_SECONDS)
        try:
            await asyncio.to_thread(_prepare, read(), directory)
        except ClearError as error:
            health.lacks(WHAT, str(error))
            if str(error) != said or loop.time() - said_at > SAY_AGAIN_SECONDS:
                logger.warning("waiting for the database: %s", error, extra={"action": "database-unusable"})
                said, said_at = str(error), loop.time()
        else:
            health.has(WHAT)
            if said:
                logger.info("the database can be worked with now", extra={"action": "database-usable"})
            break
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_AGAIN_SECONDS):
                await stop.wait()
    health.ended(WHAT)


def _prepare(urls: DatabaseUrls, directory: Path) -> None:
    """Migrate with the credential for that, if there is one, and look with the operator's own."""
    if urls.migrate:
        with _database(urls.migrate, directory, "migrate").connect(check_version=False) as connection:
            applied = migrate(connection)
        if applied:
            logger.info("applied %s", ", ".join(applied), extra={"action": "migrated"})
    with _database(urls.operator, directory, "operator").connect() as connection:
        connection.execute("SELECT FROM indexjob.settings")


def _database(url: str, directory: Path, part: str) -> Database:
    """One part's; the key that it was read from is what people mend."""
    own = directory / f"{part}-url"
    source = str(own if own.exists() else directory / "url")
    return Database(with_timeout(url, source), place(url), source=source)
