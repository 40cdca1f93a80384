"""`indexjob up` and `indexjob demo`: the commands that run index jobs on this machine.

The command line loads them through the entry points `indexjob.commands`, because they need the dispatcher, which the ground floor knows nothing of.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from shutil import which
from typing import TYPE_CHECKING, Annotated

import typer

from indexjob.cli import repository
from indexjob.cli.command import Call, command
from indexjob.cli.output import ago, answer_json_line, clean, say
from indexjob.errors import ClearError, RefusedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from psycopg import AsyncConnection

    from indexjob.database import Database
    from indexjob.queue.producer import Job

app = typer.Typer()

NEEDED = (
    "pathspec",
    "tree_sitter",
    "tree_sitter_go",
    "tree_sitter_javascript",
    "tree_sitter_python",
    "tree_sitter_typescript",
)
DEMO_BACKOFF_SECONDS = 2.0


class WorkerMissingError(ClearError):
    """What a worker is made of is not installed beside the dispatcher."""


@command(app, "demo", panel="Run")
async def demo(
    call: Call,
    repo: Annotated[
        str | None,
        typer.Argument(
            metavar="[REPO]", help="A URL or a local path; else the repository that you stand in.", show_default=False
        ),
    ] = None,
    *,
    revision: Annotated[str, typer.Option(help="Branch, tag, full ref or commit id.")] = "HEAD",
) -> int:
    """Index a repository on this machine from nothing, and look at what came out.

    Everything is real: a Postgres (yours, or an embedded one), the queue, the dispatcher, a worker process. What it stores stays, and the other
    commands work on it.

    Examples:

        indexjob demo

        indexjob demo https://github.com/pallets/click
    """
    from indexjob.cli.demonstration import demonstrate

    named = repository.resolve(repo) if repo else repository.here()
    require_worker()
    with call.database() as database:
        return await demonstrate(call, database, named, revision, dispatching)


@command(app, "up", panel="Run")
async def up(
    call: Call,
    *,
    once: Annotated[bool, typer.Option("--once", help="End as soon as nothing is left to run.")] = False,
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="How many index jobs run at once.")] = 3,
    backoff: Annotated[
        float,
        typer.Option(
            min=0, metavar="SECONDS", help="Before the second attempt; doubled for each further one, at most 6 minutes."
        ),
    ] = 10.0,
    deadline: Annotated[
        int | None, typer.Option(min=1, metavar="SECONDS", help="For runs whose request names none.")
    ] = None,
) -> None:
    """Run index jobs on this machine until Ctrl-C: the dispatcher, with a process for each job.

    Tells each transition in a line (JSON where standard output is no terminal). Ctrl-C lets what runs end, for some seconds; what does not is put back
    in line. A second Ctrl-C does not wait.

    Examples:

        indexjob up

        indexjob enqueue . && indexjob up --once
    """
    from indexjob.cli.watch import has_leader
    from indexjob_operator.journal import Journal
    from indexjob_operator.local import run_local

    require_worker()
    people = sys.stdout.isatty() and not call.json
    with call.database() as database:
        async with database.connect_async() as connection:
            await require_right_to_lead(connection)
            if await has_leader(connection):
                say("Another dispatcher leads, or was killed just now; this one stands by until it can lead.")
        say(f"Running index jobs, {concurrency} at once, from {database.place}. Ctrl-C stops.")
        journal = Journal(database.url, tell_people if people else tell_programs)
        async with stopping_on_signals() as stop:
            telling = asyncio.create_task(journal.run())
            try:
                await run_local(
                    database.url,
                    concurrency=concurrency,
                    once=once,
                    backoff_seconds=backoff,
                    deadline_seconds=deadline,
                    stop=stop,
                )
            finally:
                telling.cancel()
                await asyncio.gather(telling, return_exceptions=True)
        async with database.connect_async() as connection:
            await journal.look(connection)


@asynccontextmanager
async def dispatching(database: Database) -> AsyncIterator[asyncio.Future[None]]:
    """A dispatcher in this process, for as long as the context lasts; the future ends only if it fails."""
    from indexjob_operator.local import run_local

    async with stopping_on_signals() as stop:
        running = asyncio.create_task(run_local(database.url, backoff_seconds=DEMO_BACKOFF_SECONDS, stop=stop))
        try:
            yield running
        finally:
            stop.set()
            await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def stopping_on_signals() -> AsyncIterator[asyncio.Event]:
    """Ctrl-C and SIGTERM set the event; the second one cancels; after that they do what they do by default."""
    loop, stop, task = asyncio.get_running_loop(), asyncio.Event(), asyncio.current_task()

    def heard(number: signal.Signals) -> None:
        if not stop.is_set():
            say("Stopping: what runs has some seconds to end. Again to stop at once.")
            stop.set()
            return
        loop.remove_signal_handler(number)
        if task:
            task.cancel()

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        loop.add_signal_handler(number, heard, number)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


def require_worker() -> None:
    """Refuse before anything is enqueued that could not run.

    Raises:
        WorkerMissingError: names what to install.
    """
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise WorkerMissingError(
            f"What indexes repositories is not installed here ({', '.join(missing)}).",
            "Install it: pip install 'indexjob[local]'",
        )
    if which("git") is None:
        raise WorkerMissingError("git is not on the PATH.", "Install it with your system's package manager.")


async def require_right_to_lead(connection: AsyncConnection) -> None:
    """Refuse a login that could only stand by for ever.

    Raises:
        RefusedError: it may not lead.
    """
    query = (
        "SELECT has_function_privilege('indexjob.acquire_lease(text, interval)', 'EXECUTE'), quote_ident(current_user)"
    )
    may, login = await (await connection.execute(query)).fetchone() or (False, "this login")
    if not may:
        raise RefusedError(
            f"The login {login} may not run index jobs.",
            f"An administrator runs: GRANT indexjob_operator TO {login}; or name a login that may.",
        )


def tell_people(job: Job) -> None:
    """One transition in a line."""
    told = f"{job.reason}: {job.message}" if job.reason and job.message else job.reason or ""
    attempt = f"attempt {job.attempts}" if job.state == "running" and job.attempts else ""
    due = f"next try {ago(job.run_after)}" if job.state == "queued" and job.run_after > datetime.now(UTC) else ""
    line = "  ".join(filter(None, (f"{job.state:<10}", job.repository, attempt, told, due)))
    print(clean(f"{datetime.now(UTC).astimezone():%H:%M:%S}  {str(job.id)[:8]}  {line}"), flush=True)  # noqa: T201


def tell_programs(job: Job) -> None:
    """One transition as JSON: the whole job."""
    answer_json_line({"action": f"job-{job.state}", "time": datetime.now(UTC), "job": job})
