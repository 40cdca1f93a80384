"""An application that asks for indexes: `python producer.py https://github.com/org/name …`, with DATABASE_URL, a login with the role indexjob_producer.

Its own row and the request are written in one transaction: both are there, or neither. Then it waits for the ends, by LISTEN, and prints what came out.
Needs psycopg 3, a table of its own (CREATE TABLE projects (url text PRIMARY KEY)), and nothing of IndexJob's.
"""

from __future__ import annotations

import os
import sys
import time

import psycopg

FINISHED = ("completed", "skipped", "failed", "cancelled")


def ask(connection: psycopg.Connection, url: str, tenant: str) -> str:
    """Note the project, and ask for its index."""
    with connection.transaction():
        connection.execute("INSERT INTO projects (url) VALUES (%s) ON CONFLICT DO NOTHING", (url,))
        row = connection.execute("SELECT indexjob.enqueue(%s, tenant => %s)::text", (url, tenant)).fetchone()
    assert row is not None
    return str(row[0])


def wait(connection: psycopg.Connection, jobs: list[str], seconds: float = 600) -> dict[str, tuple[str, str, str]]:
    """State, reason and message of each, once all have ended. Notifications are hints: the rows are looked at first."""
    connection.execute("LISTEN indexjob_finished")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        rows = connection.execute(
            "SELECT id::text, state::text, reason, message FROM indexjob.jobs WHERE id = ANY (%s::uuid[]) AND state::text = ANY (%s)",
            (jobs, list(FINISHED)),
        ).fetchall()
        if len(rows) == len(jobs):
            return {job: (state, reason, message) for job, state, reason, message in rows}
        for notification in connection.notifies(timeout=5):
            if notification.payload in jobs:
                break
    raise TimeoutError(f"not finished within {seconds} s: {', '.join(jobs)}")


def main() -> int:
    """0 if all of them have an index now."""
    tenant = os.environ.get("TENANT", "default")
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        urls = {ask(connection, url, tenant): url for url in sys.argv[1:]}
        ends = wait(connection, list(urls))
        for job, (state, reason, message) in ends.items():
            print(f"{urls[job]}: {state} ({reason}) {message or ''}".rstrip())
            for path, line, name, kind in connection.execute(
                "SELECT path, line, name, kind FROM indexjob.symbols WHERE repository = indexjob.normalize_repository(%s) LIMIT 5",
                (urls[job],),
            ):
                print(f"  {path}:{line} {kind} {name}")
    return 0 if all(state in ("completed", "skipped") for state, _, _ in ends.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
