"""What the leader records goes on beside its claims and beside itself: nobody is missed by it, and nobody deposed writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from uuid import UUID

import psycopg
import pytest
from psycopg import errors

from tests.postgres.queue.leading import TTL, Leader

CLAIM = "SELECT id FROM indexjob.claim(%s, 10, 1000, 'ns')"


@pytest.fixture
def beside(database: str) -> Iterator[psycopg.Connection]:
    """Another connection of the same leader. Not autocommit: its first statement opens a transaction that stays open."""
    with psycopg.connect(database) as connection:
        yield connection


def ended(leader: Leader, *jobs: UUID) -> str:
    return json.dumps(
        [
            {"id": str(job), "launch": leader.row(job)["launch"], "reason": "PermanentError", "message": "m"}
            for job in jobs
        ]
    )


@contextmanager
def waiting(connection: psycopg.Connection, query: str, *values: object) -> Iterator[Future[list[tuple[object, ...]]]]:
    """A call that waits for another transaction: the block begins when it does."""
    with ThreadPoolExecutor(1) as thread, psycopg.connect(connection.info.dsn, autocommit=True) as watch:
        called = thread.submit(lambda: connection.execute(query.encode(), values).fetchall())
        while not called.done():
            row = watch.execute("SELECT pg_blocking_pids(%s) <> '{}'", (connection.info.backend_pid,)).fetchone()
            if row == (True,):
                break
        yield called


@pytest.mark.parametrize("what", ["claim(%s, 10, 1000, 'ns')", "mend(%s)"])
def test_an_end_is_recorded_while_the_leader_claims_or_sweeps(
    leader: Leader, beside: psycopg.Connection, what: str
) -> None:
    first, second = leader.enqueue("a"), leader.enqueue("b")
    assert set(leader.claim()) == {first, second}
    leader.enqueue("c")
    beside.execute(f"SELECT indexjob.{what}".encode(), (leader.epoch,))
    assert leader.finish(first) == [first]
    assert leader.value("SELECT indexjob.record_running(%s, %s, 1)", leader.epoch, second) is True
    assert leader.value("SELECT indexjob.renew_lease(0, '1 s')") is False, (
        "and who is not the leader is told so at once"
    )
    beside.commit()


def test_ends_are_recorded_beside_each_other(leader: Leader, beside: psycopg.Connection) -> None:
    first, second = leader.enqueue("a"), leader.enqueue("b")
    leader.claim()
    beside.execute("SELECT indexjob.record_finished(%s, %s)", (leader.epoch, ended(leader, first)))
    assert leader.finish(second) == [second]
    assert leader.value("SELECT indexjob.renew_lease(%s, '30 seconds')", leader.epoch) is True
    third = leader.enqueue("c")
    assert leader.claim() == [third]
    beside.commit()
    assert leader.row(first)["state"] == "failed"


def test_whom_a_claim_puts_behind_a_run_that_ends_meanwhile_is_promoted(leader: Leader, database: str) -> None:
    """The end waits for the claim, which has put in line what nobody else sees yet."""
    running = leader.enqueue("a")
    assert leader.claim() == [running]
    late = leader.enqueue("a", revision="late")
    with psycopg.connect(database) as claiming:
        claiming.execute(CLAIM, (leader.epoch,))
        end = ("SELECT indexjob.record_finished(%s, %s)", leader.epoch, ended(leader, running))
        with psycopg.connect(database, autocommit=True) as recording, waiting(recording, *end) as recorded:
            claiming.commit()
            assert recorded.result(10) == [(running,)]
    assert leader.row(late)["line"] == "ready", "nobody waits for the sweep"


@pytest.mark.parametrize("how", ["record_finished", "record_requeued", "release_slot"])
def test_a_repository_that_is_being_freed_is_passed_over_until_it_is(
    leader: Leader, beside: psycopg.Connection, how: str
) -> None:
    """The claim neither waits for it, nor puts anybody behind a run that is about to be over."""
    running = leader.enqueue("a")
    assert leader.claim() == [running]
    if how == "record_finished":
        beside.execute("SELECT indexjob.record_finished(%s, %s)", (leader.epoch, ended(leader, running)))
    elif how == "record_requeued":
        requeue = "SELECT indexjob.record_requeued(%s, %s, 1, NULL, 'NodeLost', 'm', 0, true)"
        beside.execute(requeue, (leader.epoch, running))
    else:
        leader.value("SELECT indexjob.cancel(%s)", running)
        beside.execute("SELECT indexjob.release_slot(%s, %s, 1)", (leader.epoch, running))
    late, elsewhere = leader.enqueue("a", revision="late", priority=1), leader.enqueue("b")
    assert leader.claim() == [elsewhere]
    assert leader.row(late)["line"] == "new"
    beside.commit()
    assert leader.claim() == [late]


def test_taking_over_waits_for_what_is_being_recorded(
    leader: Leader, beside: psycopg.Connection, database: str
) -> None:
    job = leader.enqueue("a")
    leader.claim()
    beside.execute("SELECT indexjob.record_finished(%s, %s)", (leader.epoch, ended(leader, job)))
    leader.connection.execute("UPDATE indexjob.lease SET expires_at = now() - interval '1 second'")
    take_over = ("SELECT indexjob.acquire_lease('second', %s::interval)", TTL)
    with psycopg.connect(database, autocommit=True) as second, waiting(second, *take_over) as taken:
        assert not taken.done()
        beside.commit()
        assert taken.result(10) == [(leader.epoch + 1,)]  # type: ignore[operator]
    assert leader.row(job)["state"] == "failed"


def test_what_is_recorded_while_another_takes_over_is_fenced(
    leader: Leader, beside: psycopg.Connection, database: str
) -> None:
    """It waits for that one's COMMIT, and finds the epoch over."""
    job = leader.enqueue("a")
    leader.claim()
    leader.connection.execute("UPDATE indexjob.lease SET expires_at = now() - interval '1 second'")
    beside.execute("SELECT indexjob.acquire_lease('second', %s::interval)", (TTL,))
    end = ("SELECT indexjob.record_finished(%s, %s)", leader.epoch, ended(leader, job))
    with psycopg.connect(database, autocommit=True) as late, waiting(late, *end) as refused:
        assert not refused.done()
        beside.commit()
        with pytest.raises(errors.Error) as deposed:
            refused.result(10)
    assert deposed.value.sqlstate == "IJ001"
    assert leader.row(job)["state"] == "launching"


def test_a_row_that_somebody_holds_keeps_none_of_its_batch_waiting(leader: Leader, beside: psycopg.Connection) -> None:
    """It is left as it is, slot and all, and is recorded when it is asked for alone."""
    held, *others = (leader.enqueue(name) for name in "abc")
    leader.claim()
    beside.execute("SELECT indexjob.cancel(%s)", (held,))
    leader.connection.execute("SET statement_timeout = '150ms'")  # less than a lock may be waited for
    assert set(leader.finish(held, *others)) == set(others)
    leader.connection.execute("RESET statement_timeout")
    assert leader.connection.execute("SELECT job_id FROM indexjob.slots").fetchall() == [(held,)]
    with pytest.raises(errors.LockNotAvailable):
        leader.finish(held)
    beside.rollback()
    assert leader.finish(held) == [held]
