"""What `indexjob demo` does, given something that dispatches: enqueue, watch, look at what came out."""

from __future__ import annotations

import asyncio
import shlex
import sys
from typing import TYPE_CHECKING, Any

from indexjob.cli.output import answer_json, plain, say
from indexjob.cli.progress import LineView
from indexjob.cli.steps import StepView
from indexjob.cli.summary import read_summary, show_summary
from indexjob.cli.watch import failed, follow, has_leader

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from uuid import UUID

    from indexjob.cli.command import Call
    from indexjob.database import Database
    from indexjob.queue.producer import Job

    Dispatching = Callable[[Database], AbstractAsyncContextManager[asyncio.Future[None]]]

BACKOFF_LIMIT = 2


async def demonstrate(call: Call, database: Database, repository: str, revision: str, dispatching: Dispatching) -> int:
    """The whole way; the exit code."""
    from indexjob.database import migrate
    from indexjob.queue import producer

    if database.folder is None:  # the embedded one is migrated already
        with database.connect(check_version=False) as sync:
            migrate(sync)
    async with database.connect_async() as connection:
        request = producer.IndexRequest(
            repository=repository, revision=revision, backoff_limit=BACKOFF_LIMIT, priority=1000
        )
        job = await producer.enqueue(
            connection, request
        )  # refuses a URL with a password in it: say nothing of it before
        say(f"Indexing {repository} at {revision}; queue and index are in {database.place}.")
        if await has_leader(connection):
            say("Another dispatcher leads, or was killed just now; it goes on as soon as one of them can.")
        async with dispatching(database) as dispatcher:
            row = await _run(database, connection, job, dispatcher)
        attempts = await producer.read_attempts(connection, job)
    if row is None or not row.finished:
        say(f"Stopped. The index job {str(job)[:8]} stays in the queue: `indexjob up` goes on with it.")
        return 130
    summary = None
    if not row.ended_badly:
        with database.connect() as sync:
            summary = read_summary(sync, row.repository, row.revision, row.tenant)
    if call.json:
        answer_json({**plain(row), "attempts_made": plain(attempts), "summary": summary})
    elif summary is not None:
        if row.state == "skipped":
            say(row.message or "This commit was indexed already.")
        show_summary(summary)
        print("\nTry next\n" + "\n".join(f"  {line}" for line in next_commands(summary)))  # noqa: T201
    return failed([row])


async def _run(database: Database, connection: Any, job: UUID, dispatcher: asyncio.Future[None]) -> Job | None:
    """Watch it to its end, or to the dispatcher's: then the row is as it was seen last."""
    view = StepView() if sys.stderr.isatty() else LineView()
    watching = asyncio.ensure_future(follow(database, connection, [job], view))
    either: set[asyncio.Future[Any]] = {watching, dispatcher}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if not watching.done():
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        dispatcher.result()
        return None
    [row] = watching.result()
    return row


def next_commands(summary: dict[str, Any]) -> list[str]:
    """Three commands that show something of this very repository."""
    repository = summary["repository"].removeprefix("file://")
    names, hubs = summary["most_referenced"], summary["hubs"]
    commands = [
        ("indexjob", "references", names[0]["name"], "-r", repository)
        if names
        else ("indexjob", "symbols", "main", "--search"),
        ("indexjob", "dependents", repository, hubs[0]["path"]) if hubs else ("indexjob", "list"),
        ("indexjob", "stats", repository, "--output", "json"),
    ]
    return [shlex.join(command) for command in commands]
