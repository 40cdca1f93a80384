"""`indexjob enqueue`: ask for a repository to be indexed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from indexjob.cli import repository
from indexjob.cli.command import Call, command
from indexjob.cli.output import answer_json, say
from indexjob.cli.repository import RepositoryArgument
from indexjob.errors import ClearError

if TYPE_CHECKING:
    from uuid import UUID

    from psycopg import AsyncConnection

    from indexjob.queue import producer

app = typer.Typer()


class NoSuchTenantError(ClearError):
    """Nobody has made this tenant."""


class UnreadableTimeError(ClearError):
    """What was typed is no point in time."""


@command(app, "enqueue", panel="Ask")
async def enqueue(
    call: Call,
    repo: RepositoryArgument,
    *,
    revision: Annotated[str, typer.Option(help="Branch, tag, full ref or commit id.")] = "HEAD",
    priority: Annotated[int, typer.Option(min=-(2**31), max=2**31 - 1, help="Higher goes first.")] = 0,
    run_after: Annotated[
        str | None, typer.Option(metavar="TIME", help="Not before then: ISO 8601, or +30s, +15m, +2h, +1d from now.")
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Asking again with the same key gives the same index job.")
    ] = None,
    batch: Annotated[
        str | None, typer.Option(help="A name for what belongs together; `list --batch` shows it.")
    ] = None,
    backoff_limit: Annotated[
        int, typer.Option(min=-(2**31), max=2**31 - 1, help="How often to try again after a failure.")
    ] = 3,
    profile: Annotated[str, typer.Option(help="The pod settings to run with, by name.")] = "default",
    tenant: Annotated[str, typer.Option(help="For whom: a tenant that is there.")] = "default",
    include: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN", help="Only files like this, such as 'src/**'. Repeatable.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN", help="No files like this. Repeatable.")
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this language, such as python. Repeatable.")
    ] = None,
    deadline: Annotated[int | None, typer.Option(metavar="SECONDS", help="How long a run may take.")] = None,
    credentials_secret: Annotated[
        str | None, typer.Option(metavar="NAME", help="The Kubernetes Secret with the git credential.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Show its progress until it ends; exit 1 if it fails.")] = False,
) -> int:
    """Ask for a repository to be indexed, and print the index job's id.

    The request is stored and this command ends; a dispatcher (`indexjob up`, or the operator in a cluster) runs it.

    Examples:

        indexjob enqueue https://github.com/pallets/click

        indexjob enqueue . --revision main --language python --wait

        indexjob enqueue https://github.com/org/app --run-after +2h --batch nightly
    """
    from indexjob.queue import producer

    options: dict[str, Any] = {
        "credentials_secret": credentials_secret,
        "active_deadline_seconds": deadline,
        "include": include or None,
        "exclude": exclude or None,
        "languages": language or None,
    }
    request = producer.IndexRequest(
        repository=repository.resolve(repo),
        revision=revision,
        priority=priority,
        run_after=point_in_time(run_after) if run_after else None,
        idempotency_key=idempotency_key,
        batch=batch,
        backoff_limit=backoff_limit,
        profile=profile,
        tenant=tenant,
        options={name: value for name, value in options.items() if value is not None},
    )
    async with call.queue() as (database, connection):
        job = await _enqueue(connection, request)
        if wait:
            from indexjob.cli.watch import watch_jobs

            return await watch_jobs(call, database, connection, [job])
        [row] = await producer.read_jobs(connection, [job])
    if call.json:
        answer_json(row)
    else:
        typer.echo(job)
        say(f"{row.repository} is {row.state}. Watch it: indexjob watch {str(job)[:8]}")
    return 0


async def _enqueue(connection: AsyncConnection, request: producer.IndexRequest) -> UUID:
    """Make no tenant: Postgres makes what is new for those who serve all tenants, and what was mistyped would be nobody's.

    Raises:
        NoSuchTenantError: it wasn't there.
    """
    from indexjob.queue import producer

    async with connection.transaction():
        rows = await (await connection.execute("SELECT indexjob.own_tenants() ORDER BY 1")).fetchall()
        job = await producer.enqueue(connection, request)
        if (request.tenant,) not in rows:
            raise NoSuchTenantError(
                f'There is no tenant "{request.tenant}". There are: {", ".join(name for (name,) in rows)}.',
                f"An administrator makes it: INSERT INTO indexjob.tenants (name) VALUES ('{request.tenant}');",  # noqa: S608 - a valid name, and for people
            )
    return job


UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def point_in_time(typed: str) -> datetime:
    """ISO 8601, in this machine's time zone where it names none, or `+2h` from now.

    Raises:
        UnreadableTimeError: neither.
    """
    from datetime import timedelta

    try:
        if typed.startswith("+"):
            return datetime.now(UTC) + timedelta(seconds=float(typed[1:-1]) * UNITS[typed[-1]])
        return datetime.fromisoformat(typed).astimezone()
    except (ValueError, KeyError, OverflowError):
        raise UnreadableTimeError(
            f'"{typed}" is no point in time.', "Write 2026-12-24T18:00:00Z, or +30s, +15m, +2h, +1d from now."
        ) from None
