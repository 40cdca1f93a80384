"""What is said, in the log and at `/readyz`, of a database that can't be used."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from indexjob_operator.cluster import election_heard
from indexjob_operator.health import Health
from indexjob_operator.leadership import lead
from indexjob_operator.postgres import WHAT, until_usable
from indexjob_operator.settings import database_urls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path


async def shown(health: Health, waiting: Callable[[asyncio.Event], Any]) -> str:
    """What is lacking as soon as something is, and all ends once it is told to."""
    stop = asyncio.Event()
    task = asyncio.ensure_future(waiting(stop))
    async with asyncio.timeout(60):
        while WHAT not in health.lacking:
            assert not task.done()
            await asyncio.sleep(0.05)
        stop.set()
        await task
    return health.lacking[WHAT]


async def test_a_database_that_gives_no_answer_is_named_with_what_to_check(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As a network policy has it: connections are neither refused nor answered."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        place = f"127.0.0.1:{silent.getsockname()[1]}/app"
        (tmp_path / "url").write_text(f"postgresql://me:canary@{place}?connect_timeout=2")
        health = Health()
        told = await shown(health, lambda stop: until_usable(lambda: database_urls(tmp_path), tmp_path, stop, health))
    assert told == f"The database at {place} does not answer. Check the network and {tmp_path}/url."
    assert f"waiting for the database: {told}" in caplog.text
    assert "canary" not in caplog.text


class Silent:
    """A pool whose connections never come."""

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[None]:
        await asyncio.Event().wait()
        yield


async def test_a_database_that_falls_silent_later_is_shown_with_a_reason(caplog: pytest.LogCaptureFixture) -> None:
    """A timeout has no words of its own."""
    health = Health()
    pool: Any = Silent()
    serve: Any = None  # nobody is elected
    lease = timedelta(seconds=0.3)
    told = await shown(
        health,
        lambda stop: lead(pool, "me", serve, stop, lease=lease, heard=partial(election_heard, health)),
    )
    assert told == "it fails: it gave no answer in time."
    assert "Postgres fails: it gave no answer in time." in caplog.text
