"""What `enqueue`, with all of its checks, costs a producer, beside a plain INSERT of such a row: same table, indexes, constraints and trigger."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator

import psycopg

from bench.figures import Figure, alternating, at_least, ratio_of_rounds
from bench.server import Server, connect

SUBJECT = "queue_enqueue"
ROUNDS = 9
CALLS = 400
ROWS = 100_000
COLUMNS = "tenant, repository, clone_url, revision, priority, run_after, backoff_limit, profile, options"
INSERT = (
    f"INSERT INTO indexjob.index_jobs ({COLUMNS})"
    " VALUES ('default', %(url)s, %(url)s, 'HEAD', 0, now(), 3, 'default', '{}') RETURNING id"
)
ENQUEUE = "SELECT indexjob.enqueue(%(url)s)"
INSERT_MANY = (
    f"INSERT INTO indexjob.index_jobs ({COLUMNS}) SELECT 'default', url, url, 'HEAD', 0, now(), 3, 'default', '{{}}'"
    " FROM (SELECT 'https://example.org/team/r' || n AS url FROM generate_series(1, %(rows)s) n)"
)
ENQUEUE_MANY = "SELECT indexjob.enqueue('https://example.org/team/r' || n) FROM generate_series(1, %(rows)s) n"


def measure(server: Server) -> Iterator[Figure]:
    """A loop of single calls, each its own transaction and all in one; then many rows in one statement."""
    with server.database() as url, connect(url) as connection:
        committed = _compare(connection, ROUNDS, lambda query: _loop(connection, query), insert=INSERT, enqueue=ENQUEUE)
        yield Figure(SUBJECT, "enqueue in a loop by plain INSERT, a commit each", committed, "x", at_least(0.7))
        together = _compare(
            connection, ROUNDS, lambda query: _in_one(connection, query), insert=INSERT, enqueue=ENQUEUE
        )
        yield Figure(SUBJECT, "enqueue in a loop by plain INSERT, one commit for all", together, "x")
        many = _compare(connection, 3, lambda query: _many(connection, query), insert=INSERT_MANY, enqueue=ENQUEUE_MANY)
        yield Figure(SUBJECT, f"{ROWS:,} rows in one statement by INSERT … SELECT", many, "x", at_least(0.2))


def _compare(
    connection: psycopg.Connection, rounds: int, rate: Callable[[str], float], *, insert: str, enqueue: str
) -> float:
    rates: dict[str, list[float]] = defaultdict(list)
    for query in alternating(rounds, insert, enqueue):
        connection.execute("TRUNCATE indexjob.index_jobs CASCADE")
        connection.execute("CHECKPOINT")
        rates[query].append(rate(query))
    return ratio_of_rounds(rates[enqueue], rates[insert])


def _loop(connection: psycopg.Connection, query: str) -> float:
    began = time.perf_counter()
    for number in range(CALLS):
        connection.execute(query, {"url": f"https://example.org/team/r{number}"})
    return CALLS / (time.perf_counter() - began)


def _in_one(connection: psycopg.Connection, query: str) -> float:
    with connection.transaction():
        return _loop(connection, query)


def _many(connection: psycopg.Connection, query: str) -> float:
    began = time.perf_counter()
    connection.execute(query, {"rows": ROWS})
    return ROWS / (time.perf_counter() - began)
