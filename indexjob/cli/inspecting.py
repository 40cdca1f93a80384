"""`indexjob list` and `indexjob show`: what was asked for, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from indexjob.cli import ids, repository
from indexjob.cli.command import Call, command
from indexjob.cli.figures import counts, timed
from indexjob.cli.ids import IdArgument
from indexjob.cli.output import answer_fields, answer_json, answer_table, plain, say
from indexjob.cli.repository import RepositoryOption
from indexjob.cli.states import State

if TYPE_CHECKING:
    from indexjob.queue.producer import Attempt, Job

app = typer.Typer()


@command(app, "list", panel="Look")
async def list_jobs(
    call: Call,
    *,
    state: Annotated[list[State] | None, typer.Option("--state", "-s", help="Only in this state. Repeatable.")] = None,
    repo: RepositoryOption = None,
    batch: Annotated[str | None, typer.Option(help="Only of this batch.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Only of this tenant.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="At most so many.")] = 100,
) -> None:
    """List index jobs, newest first.

    Examples:

        indexjob list --state failed

        indexjob list --batch nightly --output json
    """
    from indexjob.queue import producer

    async with call.queue() as (_, connection):
        jobs = await producer.find_jobs(
            connection,
            states=[s.value for s in state or ()],
            repository=repository.spelt(repo),
            batch=batch,
            tenant=tenant,
            limit=limit,
        )
    if call.json:
        answer_json(jobs)
    elif jobs:
        rows = [
            (ids.short(j.id), j.repository, j.revision, j.state, whereabouts(j), j.attempts, j.created_at) for j in jobs
        ]
        answer_table(("ID", "REPOSITORY", "REVISION", "STATE", "NOW", "ATTEMPTS", "CREATED"), rows)
        if len(jobs) == limit:
            say(f"These are the newest {limit}; --limit shows more.")
    else:
        say(
            "There are no index jobs like that."
            if any((state, repo, batch, tenant))
            else "There are no index jobs yet. Begin with: indexjob enqueue REPO"
        )


@command(app, "show", panel="Look")
async def show(call: Call, job: IdArgument) -> None:
    """Show all that is known of one index job, with its attempts.

    Example:

        indexjob show 3f2a
    """
    from indexjob.queue import producer

    async with call.queue() as (_, connection):
        found = await ids.resolve(connection, job)
        [row] = await producer.read_jobs(connection, [found])
        attempts = await producer.read_attempts(connection, found)
        waits_for = await producer.waits_for(connection, found)
    if call.json:
        answer_json({**plain(row), "waits_for": waits_for, "attempts_made": attempts})
        return
    answer_fields(described(row, waits_for))
    if attempts:
        print()  # noqa: T201
        answer_table(
            ("ATTEMPT", "LAUNCH", "STARTED", "TOOK", "EXIT", "REASON", "MEMORY", "MESSAGE"),
            [attempt_row(a) for a in attempts],
        )


def whereabouts(job: Job) -> str:
    """What there is to say of it in a few words: its step while it runs, else why it is where it is."""
    if job.state == "running":
        return f"{job.step} {job.progress} %"
    return job.reason or ""


def described(job: Job, waits_for: str | None) -> dict[str, object]:
    """One job for people; what is empty is left out by who shows it."""
    stats = job.stats or {}
    return {
        "id": job.id,
        "repository": job.repository,
        "revision": job.revision,
        "commit": job.commit,
        "state": job.state,
        "reason": job.reason,
        "message": job.message,
        "waits for": waits_for,
        "step": f"{job.step}, {job.progress} %" if job.state == "running" else None,
        "tenant": job.tenant,
        "batch": job.batch,
        "priority": job.priority or None,
        "run after": job.run_after if job.state == "queued" else None,
        "created": job.created_at,
        "started": job.started_at,
        "heartbeat": job.heartbeat_at if job.state == "running" else None,
        "finished": job.finished_at,
        "launches": job.launches,
        "job": "/".join(filter(None, (job.namespace, job.job_name))),
        "found": counts(stats),
        "seconds": timed(stats),
    }


def attempt_row(attempt: Attempt) -> tuple[object, ...]:
    """One attempt for people."""
    took = f"{(attempt.finished_at - attempt.started_at).total_seconds():.1f} s" if attempt.finished_at else "running"
    memory = f"{attempt.peak_memory_bytes / 2**20:.0f} MiB" if attempt.peak_memory_bytes else ""
    return (
        attempt.number,
        attempt.launch,
        attempt.started_at,
        took,
        attempt.exit_code,
        attempt.reason,
        memory,
        attempt.message,
    )
