"""A producer's open transaction keeps nobody else waiting, and nothing that it leaves behind is stuck."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors

from tests.postgres.queue.leading import Leader


@pytest.fixture
def producer(database: str) -> Iterator[psycopg.Connection]:
    """Not autocommit: its first statement opens a transaction that stays open."""
    with psycopg.connect(database) as connection:
        yield connection


def steer(producer: psycopg.Connection, what: str, job: object) -> None:
    producer.execute(f"SELECT indexjob.{what}(%s)", (job,))


@pytest.mark.parametrize("what", ["cancel", "suspend"])
def test_steering_in_an_open_transaction_stops_no_other_repository(leader: Leader, producer, what: str) -> None:
    """Whatever place in line the job has that is held."""
    running, ready, first = leader.enqueue("a"), leader.enqueue("b"), leader.enqueue("c")
    behind = leader.enqueue("c", revision="2")
    equal = leader.enqueue("a")
    assert set(leader.claim()) == {running, ready, first}
    leader.finish(ready)
    ready = leader.enqueue("b")
    leader.value("SELECT indexjob.intake(10)")
    for job in (running, ready, behind, equal):
        steer(producer, what, job)
    leader.enqueue("b", priority=9), leader.enqueue("c", revision="3", priority=9)
    elsewhere = leader.enqueue("elsewhere")
    assert elsewhere in leader.claim()
    assert leader.finish(first) == [first]
    assert leader.finish(elsewhere) == [elsewhere]
    leader.value("SELECT indexjob.mend(%s)", leader.epoch)
    leader.value("SELECT indexjob.renew_lease(%s, '30 seconds')", leader.epoch)
    producer.rollback()


@pytest.mark.parametrize("free", [1, 10])
@pytest.mark.parametrize("line", ["new", "ready"])
def test_however_many_a_producer_holds_the_rest_goes_on(leader: Leader, producer, free: int, line: str) -> None:
    """Those behind them, and another tenant's."""
    held = [leader.enqueue(f"r{number}", priority=5) for number in range(300)]
    leader.connection.execute("INSERT INTO indexjob.tenants (name) VALUES ('zzz')")
    behind, others = leader.enqueue("behind"), leader.enqueue("x", tenant="zzz")
    if line == "ready":
        leader.value("SELECT indexjob.intake(1000)")
    producer.execute("SELECT indexjob.cancel(id) FROM unnest(%s::uuid[]) AS id", (held,))
    assert {*leader.claim(free), *leader.claim(free)} == {behind, others}
    producer.rollback()
    assert len(leader.claim(1000)) == 300


def test_what_is_cancelled_in_a_transaction_that_is_older_than_its_start_ended_after_it(
    leader: Leader, producer
) -> None:
    job = leader.enqueue("a")
    producer.execute("SELECT now()")
    leader.claim()
    leader.value("SELECT indexjob.record_running(%s, %s, 1)", leader.epoch, job)
    steer(producer, "cancel", job)
    producer.commit()
    assert leader.row(job)["state"] == "cancelled"
    assert leader.broken_invariants() == []


def test_what_a_producer_holds_fails_soon_and_alone(leader: Leader, producer) -> None:
    """The leader comes back to it; meanwhile its own transactions go on."""
    job = leader.enqueue("a")
    leader.claim()
    steer(producer, "cancel", job)
    calls = (
        lambda: leader.finish(job),
        lambda: leader.value("SELECT indexjob.record_running(%s, %s, 1)", leader.epoch, job),
        lambda: leader.value(
            "SELECT indexjob.record_requeued(%s, %s, 1, now(), 'NodeLost', 's', 0, true)", leader.epoch, job
        ),
    )
    for call in calls:
        with pytest.raises(errors.LockNotAvailable):
            call()
    producer.commit()
    assert leader.finish(job) == []
    assert leader.row(job)["state"] == "cancelled"
    leader.value("SELECT indexjob.release_slot(%s, %s, 1)", leader.epoch, job)


@pytest.mark.parametrize("what", ["cancel", "suspend"])
def test_those_that_came_while_the_head_was_being_taken_away_go_on(leader: Leader, producer, what: str) -> None:
    """They were put behind it, because it still stood there; nobody waits for the sweep."""
    head = leader.enqueue("a")
    leader.value("SELECT indexjob.intake(10)")
    steer(producer, what, head)
    late = leader.enqueue("a", revision="late")
    assert leader.claim() == []
    assert leader.row(late)["line"] == "blocked"
    producer.commit()
    assert leader.claim() == [late]


def test_taking_away_one_that_has_just_come_to_the_head_shows_the_next(leader: Leader) -> None:
    jobs = [leader.enqueue("a", revision=str(n)) for n in range(4)]
    leader.value("SELECT indexjob.intake(10)")
    for job in jobs[:3]:
        leader.value("SELECT indexjob.cancel(%s)", job)
    assert leader.claim() == [jobs[3]]


def test_a_line_whose_next_is_held_goes_on_with_the_one_behind(leader: Leader, producer) -> None:
    running, held, behind = (leader.enqueue("a", revision=str(n)) for n in range(3))
    assert leader.claim() == [running]
    steer(producer, "cancel", held)
    leader.finish(running)
    assert leader.claim() == [behind]
    producer.rollback()
    leader.finish(behind)
    assert leader.claim() == [held]


def test_a_rolled_back_cancellation_of_a_whole_line_is_mended_by_the_sweep(leader: Leader, producer) -> None:
    running, held = leader.enqueue("a"), leader.enqueue("a", revision="2")
    leader.claim()
    steer(producer, "cancel", held)
    leader.finish(running)
    producer.rollback()
    assert leader.value("SELECT indexjob.mend(%s)", leader.epoch) == 1
    assert leader.claim() == [held]


def test_a_launch_that_counts_keeps_its_slot(leader: Leader) -> None:
    job = leader.enqueue("a")
    leader.claim()
    assert leader.value("SELECT indexjob.release_slot(%s, %s, 1)", leader.epoch, job) is False
    assert leader.value("SELECT count(*) FROM indexjob.slots") == 1


def test_two_producers_in_a_line_do_not_wait_for_each_other(leader: Leader, producer, database: str) -> None:
    head, second, third = (leader.enqueue("a", revision=str(n)) for n in range(3))
    leader.value("SELECT indexjob.intake(10)")
    steer(producer, "cancel", second)
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("SET statement_timeout = '2s'")
        other.execute("SELECT indexjob.cancel(%s)", (head,))
    assert leader.claim() == [third]
    producer.commit()
