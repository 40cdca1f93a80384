"""`indexjob watch`: index jobs while they run."""

from __future__ import annotations

import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated

import typer

from indexjob.cli import ids
from indexjob.cli.command import Call, command
from indexjob.cli.output import answer_json, say
from indexjob.cli.progress import BarView, JsonView, LineView, View

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from psycopg import AsyncConnection

    from indexjob.database import Database
    from indexjob.queue.producer import Job

app = typer.Typer()
AT_ONCE = 50
UNFINISHED = ("queued", "launching", "running")
LIVE_SECONDS = 0.2
CALM_SECONDS = 0.5


@command(app, "watch", panel="Look")
async def watch(
    call: Call,
    jobs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ID...]",
            help="Ids, or their first 4 digits or more; else all that are queued or running.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Show the progress of index jobs until they are finished, or until Ctrl-C; exit 1 if one of them failed.

    On a terminal these are bars; elsewhere one line for each change, with --output json one JSON document for each.

    Examples:

        indexjob watch

        indexjob watch 3f2a 77b0
    """
    from indexjob.queue import producer

    async with call.queue() as (database, connection):
        if jobs:
            found = await ids.resolve_all(connection, jobs)
        else:
            found = [job.id for job in await producer.find_jobs(connection, states=UNFINISHED, limit=AT_ONCE)]
        if not found:
            say("Nothing is queued or running.")
            return 0
        return failed(await follow(database, connection, found, JsonView() if call.json else fitting_view()))


async def watch_jobs(call: Call, database: Database, connection: AsyncConnection, jobs: Sequence[UUID]) -> int:
    """The same for a command that asked for these itself: with JSON, one document when they have ended. 1 if one failed."""
    if not await has_leader(connection):
        say("No dispatcher is running: start one with `indexjob up`.")
    ended = await follow(database, connection, jobs, fitting_view())
    if call.json:
        answer_json(ended[0] if len(jobs) == 1 and ended else ended)
    return failed(ended)


async def follow(database: Database, connection: AsyncConnection, jobs: Sequence[UUID], view: View) -> list[Job]:
    """Show them until they have ended; how they ended."""
    from indexjob.queue import producer

    last: list[Job] = []
    every = LIVE_SECONDS if isinstance(view, BarView) else CALM_SECONDS
    with view:
        async with aclosing(producer.follow(database.url, connection, jobs, every=every)) as looks:
            async for last in looks:
                view.show(last)
    return last


def failed(jobs: Sequence[Job]) -> int:
    """The exit code: each failure is told on standard error."""
    for job in jobs:
        if job.ended_badly:
            say(f"Error: {ids.short(job.id)} {job.state}: {job.reason}: {job.message or 'no more is known.'}")
            say(f"       indexjob show {ids.short(job.id)} tells more, indexjob retry {ids.short(job.id)} tries again.")
    return 1 if any(job.ended_badly for job in jobs) else 0


def fitting_view() -> View:
    """Bars where there is a terminal, else lines."""
    return BarView() if sys.stderr.isatty() else LineView()


async def has_leader(connection: AsyncConnection) -> bool:
    """Whether an operator holds the lease."""
    row = await (await connection.execute("SELECT led FROM indexjob.dispatching()")).fetchone()
    return bool(row and row[0])
