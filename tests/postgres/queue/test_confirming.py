"""A claim's commit doesn't wait for the disk; `confirm_claims` does, for all that was committed before it."""

from __future__ import annotations

import psycopg

from tests.postgres.queue.leading import Leader


def value(connection: psycopg.Connection, query: str) -> object:
    row = connection.execute(query.encode()).fetchone()
    assert row
    return row[0]


def test_a_claim_is_on_the_disk_once_it_is_confirmed(leader: Leader, database: str) -> None:
    job = leader.enqueue("a")
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = on")  # the tests' server has it off
        with connection.transaction():
            claimed = connection.execute("SELECT id FROM indexjob.claim(%s, 1, 1, 'ns')", (leader.epoch,)).fetchall()
            assert claimed == [(job,)]
            assert value(connection, "SHOW synchronous_commit") == "off"
        assert value(connection, "SHOW synchronous_commit") == "on", "the claim's transaction alone"
        written = value(connection, "SELECT pg_current_wal_insert_lsn()")
        connection.execute("SELECT indexjob.confirm_claims()")
        assert value(connection, f"SELECT pg_current_wal_flush_lsn() > '{written}'") is True
