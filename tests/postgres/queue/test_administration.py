"""Pausing, redriving many, pruning, and the function that checks the invariants."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import errors

from tests.postgres.queue.leading import Leader


def test_what_is_set_where_nobody_has_set_anything(leader: Leader) -> None:
    query = "SELECT claiming_paused, running_cap, heartbeat_timeout::text, reset_limit FROM indexjob.settings"
    assert leader.connection.execute(query).fetchone() == (False, None, "00:05:00", 10)


def test_pause_stops_claiming_and_nothing_else_and_unpause_wakes_the_leader(leader: Leader, database: str) -> None:
    running = leader.enqueue("a")
    assert leader.claim() == [running]
    assert leader.value("SELECT indexjob.pause()") is True
    assert leader.value("SELECT indexjob.pause()") is False
    waiting = leader.enqueue("b")
    assert leader.claim() == []
    assert leader.finish(running) == [running]
    with psycopg.connect(database, autocommit=True) as listener:
        listener.execute("LISTEN indexjob_wake")
        assert leader.value("SELECT indexjob.unpause()") is True
        assert [n.channel for n in listener.notifies(timeout=5, stop_after=1)] == ["indexjob_wake"]
    assert leader.value("SELECT indexjob.unpause()") is False
    assert leader.claim() == [waiting]


def test_redrive_retries_many_failed_jobs_by_tenant_batch_and_reason(leader: Leader) -> None:
    jobs = {
        leader.enqueue(f"r{n}", batch="b" if n < 3 else "other", tenant="t" if n < 4 else "default"): n
        for n in range(6)
    }
    cancelled = leader.enqueue("x")
    leader.value("SELECT indexjob.cancel(%s)", cancelled)
    leader.claim(10)
    for job, n in jobs.items():
        leader.finish(job, reason="BackoffLimitExceeded" if n % 2 else "PermanentError")

    def queued() -> set[int]:
        rows = leader.connection.execute("SELECT id FROM indexjob.index_jobs WHERE state = 'queued'")
        return {jobs[row[0]] for row in rows}

    assert leader.value("SELECT indexjob.redrive(batch => 'b', reason => 'PermanentError')") == 2
    assert queued() == {0, 2}
    assert leader.value("SELECT indexjob.redrive(tenant => 't', at_most => 1)") == 1
    assert queued() == {0, 1, 2}
    assert leader.value("SELECT indexjob.redrive()") == 3
    assert leader.value("SELECT indexjob.redrive()") == 0
    assert queued() == set(range(6))
    assert set(leader.claim()) == set(jobs)
    assert {leader.row(job)["launch"] for job in jobs} == {2}
    assert {leader.row(job)["failures"] for job in jobs} == {0}


def test_redrive_leaves_what_another_transaction_holds(leader: Leader, database: str) -> None:
    job, other = leader.enqueue("a"), leader.enqueue("b")
    leader.claim()
    leader.finish(job, other)
    with psycopg.connect(database) as holder:
        holder.execute("SELECT indexjob.retry(%s)", (job,))
        leader.connection.execute("SET statement_timeout = '2s'")
        assert leader.value("SELECT indexjob.redrive()") == 1


def test_prune_deletes_what_finished_long_ago_and_nothing_that_somebody_needs(leader: Leader) -> None:
    old, kept, recent = leader.enqueue("old", idempotency_key="k"), leader.enqueue("kept"), leader.enqueue("recent")
    queued, taken_down = leader.enqueue("queued", run_after="2100-01-01"), leader.enqueue("down")
    assert len(leader.claim()) == 4
    token = leader.value("SELECT indexjob.launch_token(%s, 1)", old)
    leader.value("SELECT indexjob.start_attempt(%s, 1, %s, 'uid', 'pod', 'node')", old, token)
    leader.finish(old, kept, recent)
    leader.value("SELECT indexjob.cancel(%s)", taken_down)
    leader.connection.execute(
        "UPDATE indexjob.index_jobs SET created_at = created_at - interval '31 days', launched_at = launched_at - interval '31 days',"
        " finished_at = finished_at - interval '31 days' WHERE id = ANY (%s)",
        ([old, kept, queued, taken_down],),
    )
    assert leader.value("SELECT indexjob.prune(kept => %s)", [kept]) == 1
    left = {row[0] for row in leader.connection.execute("SELECT id FROM indexjob.jobs")}
    assert left == {kept, recent, queued, taken_down}
    assert leader.value("SELECT count(*) FROM indexjob.index_job_attempts") == 0
    assert leader.enqueue("old", idempotency_key="k") != old
    leader.value("SELECT indexjob.release_slot(%s, %s, 1)", leader.epoch, taken_down)
    assert leader.value("SELECT indexjob.prune('0', 1)") == 1, "at most so many"
    assert leader.value("SELECT indexjob.prune('0')") == 2
    with pytest.raises(errors.InvalidParameterValue):
        leader.value("SELECT indexjob.prune('-1 day')")


def test_a_job_that_others_still_follow_is_not_pruned(leader: Leader) -> None:
    first, equal = leader.enqueue("a"), leader.enqueue("a")
    leader.claim()
    leader.connection.execute(
        "UPDATE indexjob.index_jobs SET state = 'failed', reason = 'X', finished_at = now() WHERE id = %s", (first,)
    )
    leader.connection.execute("DELETE FROM indexjob.slots")
    assert leader.value("SELECT indexjob.prune('0')") == 0
    leader.value("SELECT indexjob.mend(%s)", leader.epoch)
    assert leader.row(equal)["state"] == "failed"
    assert leader.value("SELECT indexjob.prune('0')") == 2


DAMAGE = {
    "what is under way holds its slot": "DELETE FROM indexjob.slots",
    "a slot is held by the last launch of a job that has not ended by itself": "UPDATE indexjob.slots SET launch = 7",
    "a job that is under way has its launch's name": "UPDATE indexjob.index_jobs SET job_name = 'x' WHERE state = 'launching'",
    "nothing is claimable while its repository is busy": "UPDATE indexjob.index_jobs SET line = 'ready' WHERE line = 'blocked'",
    "what was published is under way or ended well": "UPDATE indexjob.index_jobs SET verdict = 'completed', commit = 'c' WHERE state = 'queued'",
    "what was published ends as its verdict says": "UPDATE indexjob.index_jobs SET state = 'skipped', verdict = 'completed', commit = 'c', line = NULL,"
    " reason = 'x', finished_at = now() WHERE state = 'queued'",
    "what was published names its commit": "UPDATE indexjob.index_jobs SET verdict = 'completed' WHERE state = 'launching'",
    "a coalesced job follows an equal one": "UPDATE indexjob.index_jobs SET revision = 'x' WHERE line = 'coalesced'",
    "attempts and progress are of launches that were": "INSERT INTO indexjob.progress (job_id, launch, step, progress) SELECT id, 9, 'x', 0 FROM indexjob.index_jobs",
    "nothing starts before it was asked for, nor ends before it started": "UPDATE indexjob.index_jobs SET started_at = '2000-01-01'",
    "a job's tenant is there": "ALTER TABLE indexjob.tenants DISABLE TRIGGER USER; DELETE FROM indexjob.tenants",
    "there is one lease and one row of settings": "DELETE FROM indexjob.settings",
    "a line whose repository is free has a head": "DELETE FROM indexjob.slots",
    "a coalesced job follows one that is under way": "UPDATE indexjob.index_jobs SET state = 'suspended' WHERE state = 'launching'",
}


@pytest.mark.parametrize("invariant", DAMAGE)
def test_each_broken_invariant_is_found_and_named(database: str, invariant: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        leader = Leader(connection)
        leader.enqueue("a"), leader.enqueue("a"), leader.enqueue("a", revision="other")
        leader.claim()
        check = "SELECT invariant FROM indexjob.check_invariants('0')"
        assert connection.execute(check).fetchall() == []
        connection.execute(DAMAGE[invariant].encode())
        assert (invariant,) in connection.execute(check).fetchall()


def test_every_invariant_of_the_function_is_tried(database: str) -> None:
    with psycopg.connect(database) as connection:
        (source,) = connection.execute(
            "SELECT prosrc FROM pg_proc WHERE oid = 'indexjob.check_invariants(interval)'::regprocedure"
        ).fetchone()
    assert source.count("SELECT '") == len(DAMAGE)
    for invariant in DAMAGE:
        assert invariant.replace("'", "''") in source


ENDED = "state = 'completed', line = NULL, progress = 100, verdict = 'completed', commit = 'c', reason = 'x', finished_at = now()"
REFUSED = {
    "line_is_of_queued_rows": "line = NULL",
    "coalesced_names_its_leader": "line = 'coalesced'",
    "finished_has_a_time": f"{ENDED}, finished_at = NULL",
    "finished_has_a_reason": f"{ENDED}, reason = NULL",
    "completed_is_whole": f"{ENDED}, progress = 99",
    "completed_was_published": f"{ENDED}, verdict = NULL",
    "verdict_is_a_good_end": "verdict = 'failed'",
    "launched_has_a_name": "state = 'launching', line = NULL",
    "progress_is_a_percentage": "progress = 101",
    "backoff_limit_is_sane": "backoff_limit = 101",
}


@pytest.mark.parametrize("rule", REFUSED)
def test_a_row_that_makes_no_sense_is_refused_whoever_writes_it(leader: Leader, rule: str) -> None:
    leader.enqueue("a")
    changes = dict(each.split(" = ") for each in REFUSED[rule].split(", "))  # of two for a column, the last one
    change = ", ".join(f"{column} = {value}" for column, value in changes.items())
    with pytest.raises(errors.CheckViolation) as refused:
        leader.connection.execute(f"UPDATE indexjob.index_jobs SET {change}".encode())
    assert refused.value.diag.constraint_name == rule


def test_every_rule_of_a_row_is_tried(leader: Leader) -> None:
    source = str(leader.value("SELECT prosrc FROM pg_proc WHERE oid = 'indexjob.is_sound'::regproc"))
    assert source.count("THEN '") == len(REFUSED)
    leader.enqueue("a")
    leader.connection.execute(f"UPDATE indexjob.index_jobs SET {ENDED}".encode())


@pytest.mark.parametrize("query", ["DELETE FROM indexjob.tenants", "UPDATE indexjob.tenants SET name = 'b'"])
def test_a_tenant_that_has_jobs_stays(leader: Leader, query: str) -> None:
    """Nobody would see them any more. One that has none goes, and whatever else is said of a tenant may change."""
    job = leader.enqueue("a", tenant="a")
    leader.connection.execute("UPDATE indexjob.tenants SET cap = 1, name = 'a' WHERE name = 'a'")
    with pytest.raises(errors.ForeignKeyViolation):
        leader.connection.execute(f"{query} WHERE name = 'a'".encode())
    leader.value("SELECT indexjob.cancel(%s)", job)
    assert leader.value("SELECT indexjob.prune('0 s')") == 1
    assert leader.connection.execute(f"{query} WHERE name = 'a'".encode()).rowcount == 1


ASK = "SELECT indexjob.enqueue('https://example.org/a', tenant => 'a')"
ASK_ONCE = "SELECT indexjob.enqueue('https://example.org/a', tenant => 'a', idempotency_key => 'k')"
GOES = ["DELETE FROM indexjob.tenants WHERE name = 'a'", "UPDATE indexjob.tenants SET name = 'b' WHERE name = 'a'"]


@pytest.fixture
def beside(leader: Leader, database: str) -> Iterator[psycopg.Connection]:
    """There is a tenant a, and a second session that is not autocommit."""
    leader.connection.execute("INSERT INTO indexjob.tenants (name) VALUES ('a')")
    with psycopg.connect(database) as connection:
        yield connection


@pytest.mark.parametrize("query", GOES)
def test_a_tenant_does_not_go_while_a_transaction_is_open_that_has_asked_for_work_of_it(
    leader: Leader, beside: psycopg.Connection, query: str
) -> None:
    """Refused soon, because all who ask for work wait meanwhile; then the job is seen, and the tenant stays for that."""
    beside.execute(ASK.encode())
    with pytest.raises(errors.LockNotAvailable) as refused:
        leader.connection.execute(query.encode())
    assert refused.value.diag.message_hint
    beside.commit()
    with pytest.raises(errors.ForeignKeyViolation):
        leader.connection.execute(query.encode())
    assert leader.value("SELECT count(*) FROM indexjob.jobs") == 1


@pytest.mark.parametrize("query", GOES)
def test_a_job_that_came_after_the_first_look_keeps_its_tenant_at_commit(
    leader: Leader, beside: psycopg.Connection, query: str
) -> None:
    beside.execute(query.encode())
    leader.connection.execute("SET statement_timeout = '2s'")
    leader.value(ASK)
    with pytest.raises(errors.ForeignKeyViolation):
        beside.commit()
    assert len(leader.claim()) == 1


@pytest.mark.parametrize("ask", [ASK, ASK_ONCE])
def test_who_asks_while_a_tenant_goes_looks_for_it_again(
    leader: Leader, beside: psycopg.Connection, database: str, ask: str
) -> None:
    """A superuser, for whom it is made anew: no job is left without."""
    beside.execute(GOES[0].encode())
    beside.execute("SET CONSTRAINTS ALL IMMEDIATE")  # as at COMMIT: now nobody can add a job
    with psycopg.connect(database, autocommit=True) as asking, ThreadPoolExecutor(1) as threads:
        asked = threads.submit(asking.execute, ask.encode())
        waits = "SELECT count(*) FROM pg_locks WHERE pid = %s AND NOT granted"
        while not leader.value(waits, asking.info.backend_pid):
            assert not asked.done()
        beside.commit()
        asked.result()
    assert leader.value("SELECT count(*) FROM indexjob.jobs") == 1


@pytest.mark.parametrize("ask", [ASK, ASK_ONCE])
def test_an_older_snapshot_asks_for_no_work_of_a_tenant_that_is_gone(
    leader: Leader, beside: psycopg.Connection, ask: str
) -> None:
    beside.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    beside.execute("SELECT 1")
    leader.connection.execute(GOES[0].encode())
    with pytest.raises(errors.SerializationFailure):
        beside.execute(ask.encode())
    beside.rollback()
    with pytest.raises(errors.InvalidTransactionState):
        beside.execute("DELETE FROM indexjob.tenants")
