"""`indexjob cancel`, `retry`, `suspend`, `resume`: change what becomes of index jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from indexjob.cli import ids
from indexjob.cli.command import Call, command
from indexjob.cli.ids import IdsArgument
from indexjob.cli.output import answer_json, say

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from uuid import UUID

    from psycopg import AsyncConnection

    from indexjob.queue.producer import Steered

app = typer.Typer()


@command(app, "cancel", panel="Steer")
async def cancel(
    call: Call,
    jobs: IdsArgument,
    *,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why; it is kept with the job.")] = None,
) -> int:
    """End index jobs that are not finished. What runs of them is taken down and publishes nothing more.

    Example:

        indexjob cancel 3f2a --reason "wrong branch"
    """
    from indexjob.queue import producer

    return await steer(call, jobs, lambda connection, job: producer.cancel(connection, job, reason), "cancelled")


@command(app, "retry", panel="Steer")
async def retry(call: Call, jobs: IdsArgument) -> int:
    """Queue failed or cancelled index jobs again, with all their tries.

    Example:

        indexjob retry 3f2a
    """
    from indexjob.queue import producer

    return await steer(call, jobs, producer.retry, "queued")


@command(app, "suspend", panel="Steer")
async def suspend(call: Call, jobs: IdsArgument) -> int:
    """Set index jobs aside until they are resumed. What runs of them is taken down."""
    from indexjob.queue import producer

    return await steer(call, jobs, producer.suspend, "suspended")


@command(app, "resume", panel="Steer")
async def resume(call: Call, jobs: IdsArgument) -> int:
    """Queue suspended index jobs again."""
    from indexjob.queue import producer

    return await steer(call, jobs, producer.resume, "queued")


async def steer(
    call: Call, typed: Sequence[str], action: Callable[[AsyncConnection, UUID], Awaitable[Steered]], outcome: str
) -> int:
    """Do it to each; all ids are understood before anything is done. 1 if one of them would not."""
    async with call.queue() as (_, connection):
        found = await ids.resolve_all(connection, typed)
        results = [await action(connection, job) for job in found]
    if call.json:
        answer_json(results)
    for result in results:
        if not result.changed:
            say(f"Error: {result.note[:1].upper()}{result.note[1:]}.")
        elif not call.json:
            typer.echo(f"{ids.short(result.id)} is {outcome}")
    return 0 if all(result.changed for result in results) else 1
