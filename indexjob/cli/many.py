"""`indexjob redrive`, `prune`: what is done to many index jobs at once, some at a time, so that no transaction is long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from indexjob.cli.command import Call, command
from indexjob.cli.output import answer_json, say

if TYPE_CHECKING:
    from collections.abc import Callable

app = typer.Typer()

REDRIVEN_AT_ONCE, PRUNED_AT_ONCE = 1000, 10_000


@command(app, "redrive", panel="Steer")
def redrive(
    call: Call,
    *,
    batch: Annotated[str | None, typer.Option(help="Only of this batch.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only those that failed for this reason.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Only of this tenant.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="At most so many.")] = 1_000_000,
) -> None:
    """Queue all index jobs again that failed, with all their tries; those that failed first come first.

    Examples:

        indexjob redrive --batch nightly

        indexjob redrive --reason DeadlineExceeded --limit 10
    """
    with call.connection() as connection:

        def some(at_most: int) -> int:
            query = "SELECT indexjob.redrive(tenant => %s, batch => %s, reason => %s, at_most => %s)"
            row = connection.execute(query, (tenant, batch, reason, at_most)).fetchone()
            return int(row[0]) if row else 0

        redriven = _all(some, REDRIVEN_AT_ONCE, limit)
    if call.json:
        answer_json({"redriven": redriven})
    else:
        say(f"{redriven} queued again." if redriven else "Nothing has failed that could be queued again.")


@command(app, "prune", panel="Administer")
def prune(
    call: Call,
    *,
    older_than: Annotated[
        str, typer.Option(metavar="TIME", help="How long ago they finished, as Postgres writes times.")
    ] = "30 days",
    limit: Annotated[int, typer.Option(min=1, max=1_000_000_000, help="At most so many.")] = 1_000_000_000,
) -> None:
    """Forget index jobs that finished long ago, with their attempts, the oldest first. What was indexed stays.

    Examples:

        indexjob prune

        indexjob prune --older-than "12 hours"
    """
    with call.connection() as connection:

        def some(at_most: int) -> int:
            row = connection.execute("SELECT indexjob.prune(%s::interval, %s)", (older_than, at_most)).fetchone()
            return int(row[0]) if row else 0

        pruned = _all(some, PRUNED_AT_ONCE, limit)
    if call.json:
        answer_json({"pruned": pruned})
    else:
        say(f"{pruned} forgotten." if pruned else "Nothing finished that long ago.")


def _all(some: Callable[[int], int], at_once: int, limit: int) -> int:
    """Again and again, until fewer are found than were asked for."""
    done = 0
    while done < limit:
        wanted = min(at_once, limit - done)
        found = some(wanted)
        done += found
        if found < wanted:
            break
    return done
