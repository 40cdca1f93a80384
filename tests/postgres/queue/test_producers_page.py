"""The code blocks of docs/producers.md, as they stand there."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo, errors

from tests.postgres.queue.leading import Leader

PAGE = (Path(__file__).parents[3] / "docs" / "producers.md").read_text()
BLOCKS = dict(re.findall(r"<!-- run: (\w+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture
def application(leader: Leader, database: str) -> Iterator[str]:
    """DSN of the login that the page's administrator makes."""
    leader.connection.execute(BLOCKS["administrator"].encode())
    yield conninfo.make_conninfo(database, user="shop_app", password="change me")
    for role in ("shop_app", "tenant_shop"):
        leader.connection.execute(f"DROP OWNED BY {role}".encode())
        leader.connection.execute(f"DROP ROLE {role}".encode())


def test_every_block_is_run() -> None:
    assert set(BLOCKS) == {"administrator", "application", "python"}
    assert PAGE.count("```") == 2 * len(BLOCKS)


def test_the_sql(application: str, leader: Leader) -> None:
    with psycopg.connect(application, autocommit=True) as connection:
        for statement in BLOCKS["application"].split(";\n"):
            if statement.strip():
                connection.execute(statement.encode())
        found = connection.execute(
            "SELECT repository, revision, state, priority FROM indexjob.jobs ORDER BY created_at, priority"
        ).fetchall()
    assert found == [
        ("https://github.com/acme/shop", "main", "queued", 0),
        ("https://github.com/acme/catalogue", "v2.1", "queued", 20),
    ]


def test_the_python(application: str, leader: Leader) -> None:
    page: dict[str, object] = {}
    exec(BLOCKS["python"], page)
    save, wait = page["save_repository"], page["wait_until_finished"]
    assert callable(save)
    assert callable(wait)
    leader.connection.execute("CREATE TABLE my_repositories (url text UNIQUE)")
    leader.connection.execute("GRANT INSERT ON my_repositories TO shop_app")
    with psycopg.connect(application) as connection:
        job = save(connection, "https://github.com/acme/shop")
        with pytest.raises(errors.UniqueViolation):
            save(connection, "https://github.com/acme/shop")
    assert leader.value("SELECT count(*) FROM indexjob.jobs") == 1, "a rollback leaves nothing"
    ended: list[str] = []
    waiting = threading.Thread(target=lambda: ended.append(wait(application, job)))
    waiting.start()
    while not leader.value(
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT state FROM indexjob.jobs%%' AND state = 'idle'"
    ):
        assert waiting.is_alive()
    leader.claim()
    leader.finish(leader.value("SELECT id FROM indexjob.jobs"))
    waiting.join(4)  # woken: the page's own look comes every 5 seconds
    assert ended == ["failed"]


def test_a_key_committed_behind_a_snapshots_back_is_a_serialization_failure(database: str) -> None:
    call = "SELECT indexjob.enqueue('https://example.org/x', idempotency_key => 'k')"
    with psycopg.connect(database) as first, psycopg.connect(database, autocommit=True) as second:
        first.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        first.execute("SELECT 1")
        job = second.execute(call).fetchone()
        with pytest.raises(errors.SerializationFailure):
            first.execute(call)
        first.rollback()
        assert first.execute(call).fetchone() == job


def test_a_transaction_that_enqueued_cannot_be_prepared(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT indexjob.enqueue('https://example.org/x')")
        with pytest.raises((errors.FeatureNotSupported, errors.ObjectNotInPrerequisiteState)):
            connection.execute("PREPARE TRANSACTION 'x'")
        assert connection.execute("SELECT count(*) FROM indexjob.jobs").fetchone() == (0,)


def test_keys_in_opposite_orders_deadlock_and_one_goes_on(database: str) -> None:
    call = "SELECT indexjob.enqueue('https://example.org/x', idempotency_key => %s)"
    barrier, ended = threading.Barrier(2), []

    def produce(keys: tuple[str, str]) -> None:
        with psycopg.connect(database) as connection:
            connection.execute(call, (keys[0],))
            barrier.wait()
            try:
                connection.execute(call, (keys[1],))
                connection.commit()
                ended.append("committed")
            except errors.DeadlockDetected:
                ended.append("deadlock")

    threads = [threading.Thread(target=produce, args=(keys,)) for keys in (("a", "b"), ("b", "a"))]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sorted(ended) == ["committed", "deadlock"]
