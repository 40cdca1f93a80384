"""`indexjob stats`: the queue and the index in numbers."""

from __future__ import annotations

from typing import Annotated

import typer

from indexjob.cli import repository
from indexjob.cli.command import Call, command
from indexjob.cli.index import ask
from indexjob.cli.output import answer_json, answer_table, say
from indexjob.cli.queue_stats import by_tenant, read_queue, show_queue
from indexjob.cli.summary import read_summary, show_summary

app = typer.Typer()

INDEX = """
SELECT tenant, repository, revision, commit, count(*) AS files, count(language) AS source_files, coalesce(sum(lines), 0)::bigint AS lines,
    string_agg(DISTINCT language, ', ') AS languages
FROM indexjob.files WHERE %(tenant)s::text IS NULL OR tenant = %(tenant)s
GROUP BY tenant, repository, revision, commit ORDER BY tenant, repository, revision
"""


@command(app, "stats", panel="Ask the index")
def stats(
    call: Call,
    repo: Annotated[
        str | None,
        typer.Argument(
            metavar="[REPO]", help="Of this repository: a URL or a local path; else of all.", show_default=False
        ),
    ] = None,
    *,
    revision: Annotated[str | None, typer.Option(help="Of this revision, where there are several.")] = None,
    tenant: Annotated[
        str | None, typer.Option(help="Only of this tenant; of a repository, whose index, else default's.")
    ] = None,
) -> None:
    """Show the queue and the index in numbers; for one repository, what stands out in it.

    Of the queue: jobs by tenant and state, what waits and why, batches, durations, recent failures, what is stuck.

    Examples:

        indexjob stats

        indexjob stats --tenant shop

        indexjob stats https://github.com/pallets/click --output json
    """
    with call.connection() as connection:
        if repo is not None:
            summary = read_summary(connection, repository.spelt(repo) or "", revision, tenant or "default")
        else:
            queue, index = read_queue(connection, tenant), ask(connection, INDEX, tenant=tenant)
    if repo is not None:
        answer_json(summary) if call.json else show_summary(summary)
    elif call.json:
        answer_json(queue | {"queue": by_tenant(queue["queue"]), "index": index})
    else:
        show_queue(queue)
        if index:
            print()  # noqa: T201
            columns = ("tenant", "repository", "revision", "files", "source_files", "lines", "languages")
            answer_table(
                ("TENANT", "REPOSITORY", "REVISION", "FILES", "SOURCE", "LINES", "LANGUAGES"),
                [[row[c] for c in columns] for row in index],
            )
        else:
            say("There is no index yet. Begin with: indexjob enqueue REPO --wait")
