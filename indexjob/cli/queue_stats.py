"""What `indexjob stats` shows of the queue: the views for people, each in a few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from indexjob.cli.index import ask
from indexjob.cli.output import answer_table

if TYPE_CHECKING:
    import psycopg

VIEWS = {
    "queue": "SELECT state, sum(jobs)::bigint AS jobs FROM indexjob.summary GROUP BY state ORDER BY state",
    "waiting": "SELECT tenant, repository, revision, place, reason, behind FROM indexjob.waiting LIMIT 20",
    "batches": "SELECT tenant, batch, jobs, completed + skipped AS done, failed, progress FROM indexjob.batches ORDER BY created_at DESC LIMIT 20",
    "durations": (
        "SELECT tenant, jobs, extract(epoch FROM waiting_average)::float8 AS waiting_average, extract(epoch FROM waiting_p50)::float8 AS waiting_p50,"
        " extract(epoch FROM waiting_p95)::float8 AS waiting_p95, extract(epoch FROM running_average)::float8 AS running_average,"
        " extract(epoch FROM running_p50)::float8 AS running_p50, extract(epoch FROM running_p95)::float8 AS running_p95"
        " FROM indexjob.durations ORDER BY tenant"
    ),
    "recent_failures": "SELECT id, repository, revision, reason, message, finished_at FROM indexjob.recent_failures LIMIT 20",
    "stuck": "SELECT id, repository, state, what, last_sign FROM indexjob.stuck ORDER BY last_sign",
}
TITLES = {
    "waiting": "Waiting, the head of the line first",
    "batches": "Batches",
    "durations": "Seconds waiting and running, last 7 days",
    "recent_failures": "Failed within 24 hours",
    "stuck": "Stuck: no sign of life for 10 minutes",
}


def read_queue(connection: psycopg.Connection) -> dict[str, list[dict[str, Any]]]:
    """The rows of each view, as far as they are shown; `queue` has a row for each state."""
    return {name: ask(connection, query) for name, query in VIEWS.items()}


def show_queue(queue: dict[str, list[dict[str, Any]]]) -> None:
    """As tables; those without a row are left out, but for the states."""
    answer_table(("STATE", "JOBS"), [(row["state"], row["jobs"]) for row in queue["queue"]])
    for name, title in TITLES.items():
        if rows := queue[name]:
            print(f"\n{title}")  # noqa: T201
            answer_table([column.upper().replace("_", " ") for column in rows[0]], [list(row.values()) for row in rows])
