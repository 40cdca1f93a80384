"""What a claim costs with a million rows in the queue, beside one with a thousand: blocked rows, rows of capped tenants and dead rows must cost nothing.

Both queues are made alike: of each ten rows eight can go (half of them put in line, half as new as their producer left them), one is blocked behind a
busy repository and one belongs to a tenant that is at its cap; the blocked and the capped ones came first and are the most urgent. A claim takes 50
and is rolled back, so that each begins the same and no commit, which costs both alike, hides the difference.

A day's work leaves two dead rows for each job that was launched and finished. The table has itself vacuumed when 2 % of it is dead: so what a claim
meets, at worst, is the room that the day's rows left behind and the dead rows of the last 1 % of jobs.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack

import psycopg

from bench.figures import Figure, Goal, alternating, at_most, ratio_of_rounds
from bench.server import Server, connect

SUBJECT = "queue_claim"
FEW, MANY = 1_000, 1_000_000
FINISHED = 200_000
WANTED = 50
ROUNDS = 25

FILL = """
INSERT INTO indexjob.index_jobs (tenant, repository, clone_url, revision, priority, run_after, backoff_limit, profile, options, line)
SELECT CASE WHEN n %% 10 = 1 THEN 'capped' ELSE 'tenant' || n %% 3 END, url, url, 'r' || n, CASE WHEN n %% 10 < 2 THEN 9 ELSE n %% 3 END,
    now(), 3, 'default', '{}', (CASE WHEN n %% 10 = 0 THEN 'blocked' WHEN n %% 2 = 1 THEN 'ready' ELSE 'new' END)::indexjob.line_place
FROM (
    SELECT n, 'https://example.org/team/' || CASE WHEN n %% 10 = 0 THEN 'busy' || n %% 3 ELSE 'r' || n END AS url
    FROM generate_series(1, %(rows)s) n ORDER BY n %% 10
) AS r
"""
BUSY = """
INSERT INTO indexjob.slots (tenant, repository, job_id, launch)
SELECT 'tenant' || n, 'https://example.org/team/busy' || n, gen_random_uuid(), 1 FROM generate_series(0, 2) n
UNION ALL SELECT 'capped', 'https://example.org/team/running', gen_random_uuid(), 1
"""
LAUNCH = """
UPDATE indexjob.index_jobs SET state = 'launching', line = NULL, launch = 1, job_name = id || '-1', launched_at = now()
WHERE id IN (SELECT id FROM indexjob.index_jobs WHERE line IN ('new', 'ready') AND tenant <> 'capped' ORDER BY priority DESC, seq LIMIT %(rows)s)
"""
FINISH = """
UPDATE indexjob.index_jobs SET state = 'failed', reason = 'PermanentError', finished_at = now() WHERE state = 'launching'
"""


def measure(server: Server) -> Iterator[Figure]:
    """The long queue by the short one, before and after a day's work has left its dead rows."""
    with ExitStack() as stack:
        queues = {}
        for name, rows in (("few", FEW), ("many", MANY)):
            connection = stack.enter_context(connect(stack.enter_context(server.database())))
            queues[name] = connection
            _fill(connection, rows)
        times = _times(queues)
        yield Figure(SUBJECT, f"claim of {WANTED}, {FEW:,} rows queued", _median(times["few"]), "ms")
        yield Figure(SUBJECT, f"claim of {WANTED}, {MANY:,} rows queued", _median(times["many"]), "ms")
        longer = ratio_of_rounds(times["many"], times["few"])
        yield Figure(SUBJECT, f"claim from {MANY:,} rows by claim from {FEW:,}", longer, "x", at_most(1.5))
        many = queues["many"]
        many.execute(
            "ALTER TABLE indexjob.index_jobs SET (autovacuum_enabled = off)"
        )  # it comes when the bench says so
        _work(many, FINISHED)
        yield _bloated(queues, f"the same, {FINISHED:,} finished meanwhile, never vacuumed", goal=None)
        many.execute("VACUUM indexjob.index_jobs")
        _work(many, MANY // 100)
        vacuumed = f"the same, {FINISHED:,} finished meanwhile, vacuumed but for the last {MANY // 100:,}"
        yield _bloated(queues, vacuumed, goal=at_most(1.5))


def _work(connection: psycopg.Connection, rows: int) -> None:
    """Launch and finish so many of the best: two dead rows each, where the next claims look first."""
    connection.execute(LAUNCH, {"rows": rows})
    connection.execute(FINISH)


def _bloated(queues: dict[str, psycopg.Connection], name: str, goal: Goal | None) -> Figure:
    times = _times(queues)
    return Figure(SUBJECT, name, ratio_of_rounds(times["many"], times["few"]), "x", goal)


def _fill(connection: psycopg.Connection, rows: int) -> None:
    connection.execute(
        "INSERT INTO indexjob.tenants (name, cap) VALUES ('tenant0', NULL), ('tenant1', NULL), ('tenant2', NULL), ('capped', 1)"
    )
    connection.execute("UPDATE indexjob.lease SET epoch = 1, holder = 'bench', expires_at = 'infinity'")
    connection.execute(FILL, {"rows": rows})
    connection.execute(BUSY)
    connection.execute("VACUUM ANALYZE")
    connection.execute("CHECKPOINT")


def _times(queues: dict[str, psycopg.Connection]) -> dict[str, list[float]]:
    times: dict[str, list[float]] = defaultdict(list)
    for name in ("few", "many"):
        _claim(queues[name])  # the first plans, and reads what is cold
    for name in alternating(ROUNDS, "few", "many"):
        times[name].append(_claim(queues[name]))
    return times


def _claim(connection: psycopg.Connection) -> float:
    with connection.transaction(force_rollback=True):
        began = time.perf_counter()
        claimed = connection.execute("SELECT id FROM indexjob.claim(1, %s, 1000, 'bench')", (WANTED,)).fetchall()
        seconds = time.perf_counter() - began
    assert len(claimed) == WANTED, len(claimed)
    return seconds * 1000


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
