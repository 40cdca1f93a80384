"""`indexjob logs`: the last lines that an attempt wrote."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from indexjob.cli import ids
from indexjob.cli.command import Call, command
from indexjob.cli.ids import IdArgument
from indexjob.cli.output import answer_json, clean, say
from indexjob.errors import ClearError

app = typer.Typer()


class NoSuchAttemptError(ClearError):
    """The index job has no attempt of this number."""


@command(app, "logs", panel="Look")
async def logs(
    call: Call,
    job: IdArgument,
    *,
    attempt: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Of this attempt; else of the newest.")
    ] = None,
) -> None:
    """Show the last lines of an attempt's log: what is kept in the database after its pod is gone.

    The lines are JSON, one event each. A running attempt's log is with its pod: kubectl logs.

    Example:

        indexjob logs 3f2a --attempt 1
    """
    from indexjob.queue import producer

    async with call.queue() as (_, connection):
        found = await ids.resolve(connection, job)
        attempts = await producer.read_attempts(connection, found)
    if attempt is not None:
        attempts = [one for one in attempts if one.number == attempt]
        if not attempts:
            raise NoSuchAttemptError(
                f"Index job {ids.short(found)} has no attempt {attempt}.",
                f"`indexjob show {ids.short(found)}` lists its attempts.",
            )
    if call.json:
        answer_json(
            [
                {"attempt": one.number, "launch": one.launch, "lines": (one.log_tail or "").splitlines()}
                for one in attempts
            ]
        )
    elif not attempts:
        say("No attempt has been made yet.")
    elif not attempts[-1].log_tail:
        say(f"Nothing is kept of the log of attempt {attempts[-1].number}.")
    else:
        sys.stdout.write("".join(f"{clean(line)}\n" for line in attempts[-1].log_tail.splitlines()))
