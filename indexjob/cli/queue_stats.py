"""What `indexjob stats` shows of the queue: the views for people, each in a few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from indexjob.cli.index import ask
from indexjob.cli.output import answer_table

if TYPE_CHECKING:
    import psycopg

OF = "(%(tenant)s::text IS NULL OR tenant = %(tenant)s)"
VIEWS = {
    "queue": f"SELECT tenant, state, jobs FROM indexjob.summary WHERE {OF} ORDER BY tenant, state",
    "waiting": f"SELECT tenant, repository, revision, place, reason, behind FROM indexjob.waiting WHERE {OF} LIMIT 20",
    "batches": (
        "SELECT tenant, batch, jobs, completed + skipped AS done, failed, progress FROM indexjob.batches"
        f" WHERE {OF} ORDER BY created_at DESC LIMIT 20"
    ),
    "durations": (
        "SELECT tenant, jobs, extract(epoch FROM waiting_average)::float8 AS waiting_average, extract(epoch FROM waiting_p50)::float8 AS waiting_p50,"
        " extract(epoch FROM waiting_p95)::float8 AS waiting_p95, extract(epoch FROM running_average)::float8 AS running_average,"
        " extract(epoch FROM running_p50)::float8 AS running_p50, extract(epoch FROM running_p95)::float8 AS running_p95"
        f" FROM indexjob.durations WHERE {OF} ORDER BY tenant"
    ),
    "recent_failures": (
        f"SELECT id, tenant, repository, revision, reason, message, finished_at FROM indexjob.recent_failures WHERE {OF} LIMIT 20"
    ),
    "stuck": f"SELECT id, tenant, repository, state, what, last_sign FROM indexjob.stuck WHERE {OF} ORDER BY last_sign LIMIT 20",
}
TITLES = {
    "waiting": "Waiting, the head of the line first",
    "batches": "Batches",
    "durations": "Seconds waiting and running, last 7 days",
    "recent_failures": "Failed within 24 hours",
    "stuck": "Stuck for 10 minutes or longer",
}


def read_queue(connection: psycopg.Connection, tenant: str | None) -> dict[str, list[dict[str, Any]]]:
    """The rows of each view, as far as they are shown, of one tenant or of all; `queue` has a row for each tenant and state."""
    return {name: ask(connection, query, tenant=tenant) for name, query in VIEWS.items()}


def by_tenant(counted: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """The rows of `queue` as `{tenant: {state: jobs}}`."""
    found: dict[str, dict[str, int]] = {}
    for row in counted:
        found.setdefault(row["tenant"], {})[row["state"]] = row["jobs"]
    return found


def show_queue(queue: dict[str, list[dict[str, Any]]]) -> None:
    """As tables; those without a row are left out, but for the states."""
    answer_table(("TENANT", "STATE", "JOBS"), [(row["tenant"], row["state"], row["jobs"]) for row in queue["queue"]])
    for name, title in TITLES.items():
        if rows := queue[name]:
            print(f"\n{title}")  # noqa: T201
            answer_table([column.upper().replace("_", " ") for column in rows[0]], [list(row.values()) for row in rows])
