"""Looking up definitions by name among five million symbols: a thousand repositories, names as skewed as names are."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import psycopg

from bench.figures import Figure, at_most, percentile
from bench.server import Server, connect

SUBJECT = "index_reading"
SYMBOLS = 5_000_000
REPOSITORIES = 1_000
FILES_A_REPOSITORY = 50
LOOKUPS = 400

CONTENTS = REPOSITORIES * FILES_A_REPOSITORY
SIZES = {"repositories": REPOSITORIES, "contents": CONTENTS, "each": SYMBOLS // CONTENTS}

FILL = (
    "SET session_replication_role = replica",  # without the triggers that bind a worker to its own transaction
    "INSERT INTO indexjob.repository (tenant, url) SELECT 'default', 'https://example.org/team/r' || n FROM generate_series(1, %(repositories)s) n",
    "INSERT INTO indexjob.graph (tenant, hash) VALUES ('default', 'x')",
    "INSERT INTO indexjob.manifest (tenant, hash) SELECT 'default', int4send(n) FROM generate_series(1, %(repositories)s) n",
    (
        "INSERT INTO indexjob.content"
        " (size, extractor_version, lines, symbols, symbol_references, status, tenant, language, blob_sha, imports_digest, unused_since)"
        " SELECT 1, 1, 1000, 1, 1, 'ok', 'default', 'python', int8send(n), 'x', NULL FROM generate_series(1, %(contents)s) n"
    ),
    (
        "INSERT INTO indexjob.manifest_file (manifest_id, content_id, size, status, flags, path)"
        " SELECT 1 + (c.id - 1) %% %(repositories)s, c.id, 1, 'ok', 0, 'src/f' || c.id || '.py' FROM indexjob.content c"
    ),
    (
        "INSERT INTO indexjob.snapshot (repository_id, manifest_id, graph_id, extractor_version, commit, limits, selection)"
        " SELECT r.id, r.id, 1, 1, repeat('a', 40), '', 'x' FROM indexjob.repository r"
    ),
    (
        "INSERT INTO indexjob.publication (repository_id, snapshot_id, published_at, current, revision)"
        " SELECT s.repository_id, s.id, now(), true, 'main' FROM indexjob.snapshot s"
    ),
    # One name in twenty is one of 500 that everybody uses, the others are of their file.
    (
        "INSERT INTO indexjob.symbol (content_id, ord, line, col, end_line, kind, exported, name, signature, doc)"
        " SELECT c.id, o, o + 1, 4, o + 2, 'function', true, CASE WHEN o %% 20 = 0 THEN 'common' || (c.id * 7 + o) %% 500 ELSE 'name' || c.id || '_' || o END,"
        " 'def f(self, value: int) -> str', '' FROM indexjob.content c, generate_series(0, %(each)s - 1) o"
    ),
    "ANALYZE",
)


def measure(server: Server) -> Iterator[Figure]:
    """Names of one file and names that everybody uses, anywhere and in one repository."""
    with server.database() as url, connect(url) as connection:
        for statement in FILL:
            connection.execute(
                statement.encode(),
                SIZES if "%" in statement else None,
            )
        connection.execute("VACUUM indexjob.symbol")
        dice = random.Random(1)
        rare = [f"name{dice.randint(1, CONTENTS)}_{dice.choice((1, 3, 7, 11))}" for _ in range(LOOKUPS)]
        common = [f"common{dice.randrange(500)}" for _ in range(LOOKUPS)]
        mixed = [dice.choice((a, b)) for a, b in zip(rare, common, strict=True)]
        _times(connection, mixed[:20], None)
        times = _times(connection, mixed, None)
        name = f"find_definitions among {SYMBOLS:,} symbols"
        yield Figure(SUBJECT, f"{name}, p50", percentile(times, 50), "ms", at_most(5))
        yield Figure(SUBJECT, f"{name}, p99", percentile(times, 99), "ms")
        inside = _times(connection, common, "https://example.org/team/r7")
        yield Figure(
            SUBJECT,
            "the same in one repository, a name that everybody uses, p50",
            percentile(inside, 50),
            "ms",
            at_most(5),
        )


def _times(connection: psycopg.Connection, names: list[str], repository: str | None) -> list[float]:
    times = []
    for name in names:
        began = time.perf_counter()
        connection.execute("SELECT * FROM indexjob.find_definitions(%s, %s)", (name, repository)).fetchall()
        times.append((time.perf_counter() - began) * 1000)
    return times
