"""What the leader's functions promise: one run per repository, fairness, coalescing, fencing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from uuid import UUID

import psycopg
import pytest
from psycopg import errors

from tests.postgres.queue.leading import TTL, Leader


def test_one_run_per_repository_and_tenant(leader: Leader) -> None:
    first, second = leader.enqueue("a"), leader.enqueue("a", revision="other")
    elsewhere, foreign = leader.enqueue("b"), leader.enqueue("a", tenant="t2")
    assert set(leader.claim()) == {first, elsewhere, foreign}
    assert leader.claim() == []
    leader.finish(first)
    assert leader.claim() == [second]


def test_priority_then_age_within_a_tenant_and_a_better_late_comer_goes_first(leader: Leader) -> None:
    low = leader.enqueue("a", revision="low")
    assert leader.value("SELECT indexjob.intake(10)") == 1
    assert leader.row(low)["line"] == "ready"
    high = leader.enqueue("a", revision="high", priority=5)
    other = leader.enqueue("b", priority=1)
    assert leader.claim(1) == [high]
    assert leader.row(low)["line"] == "blocked"
    assert leader.claim(1) == [other]
    leader.finish(high)
    assert leader.claim(1) == [low]


def test_what_is_not_due_waits(leader: Leader) -> None:
    job = leader.enqueue("a")
    leader.connection.execute("UPDATE indexjob.index_jobs SET run_after = now() + interval '1 hour'")
    assert leader.claim() == []
    assert leader.row(job)["line"] == "scheduled"
    leader.connection.execute("UPDATE indexjob.index_jobs SET run_after = now() - interval '1 second'")
    assert leader.claim() == [job]


def test_equal_requests_are_coalesced_and_take_the_outcome(leader: Leader) -> None:
    first = leader.enqueue("a")
    equal = [leader.enqueue("a") for _ in range(3)]
    different = [
        leader.enqueue("a", profile="big"),
        leader.enqueue("a", options='{"languages": ["go"]}'),
        leader.enqueue("a", revision="v1"),
    ]
    assert leader.claim() == [first]
    assert {leader.row(j)["line"] for j in equal} == {"coalesced"}
    assert {leader.row(j)["line"] for j in different} == {"blocked"}
    late = leader.enqueue("a")
    leader.publish(first)
    assert leader.finish(first) == [first]
    for job in equal:
        assert (leader.row(job)["state"], leader.row(job)["reason"], leader.row(job)["commit"]) == (
            "completed",
            "Completed",
            "c",
        )
        assert leader.row(job)["gave_way_to"] == first
    assert leader.row(late)["state"] == "queued"


@pytest.mark.parametrize("how", ["cancel", "suspend"])
def test_if_the_leading_job_is_taken_away_the_coalesced_are_free_again(leader: Leader, how: str) -> None:
    first, equal = leader.enqueue("a"), leader.enqueue("a")
    leader.claim()
    leader.value(f"SELECT indexjob.{how}(%s)", first)
    assert leader.row(equal)["line"] == "new"
    assert leader.claim() == [], "the slot is kept until the launch is gone"
    assert leader.value("SELECT indexjob.release_slot(%s, %s, 1)", leader.epoch, first) is True
    assert leader.claim() == [equal]


def test_cancelling_the_next_of_a_line_lets_its_successor_go(leader: Leader) -> None:
    first, second = leader.enqueue("a", revision="1"), leader.enqueue("a", revision="2")
    leader.value("SELECT indexjob.intake(10)")
    leader.value("SELECT indexjob.cancel(%s)", first)
    assert leader.claim() == [second]


def test_tenants_share_by_weight_within_their_caps(leader: Leader) -> None:
    for n in range(6):
        leader.enqueue(f"big{n}", tenant="big", priority=9)
        leader.enqueue(f"small{n}", tenant="small")
        leader.enqueue(f"capped{n}", tenant="capped", priority=99)
    leader.connection.execute("UPDATE indexjob.tenants SET weight = 2 WHERE name = 'big'")
    leader.connection.execute("UPDATE indexjob.tenants SET cap = 1 WHERE name = 'capped'")
    tenants = [leader.row(j)["tenant"] for j in leader.claim(7)]
    assert {t: tenants.count(t) for t in tenants} == {"big": 4, "small": 2, "capped": 1}


@pytest.mark.parametrize(
    ("at_once", "weights"),
    [(1, (1, 1)), (1, (1, 2)), (3, (5, 1)), (4, (1, 10)), (3, (1, 1, 1, 1)), (1, (1, 2, 3))],
    ids=str,
)
def test_tenants_share_by_weight_over_time_however_few_run_at_once(
    leader: Leader, at_once: int, weights: tuple[int, ...]
) -> None:
    """Nobody starves: not behind whom came first, nor behind a greater weight or a higher priority of another tenant."""
    rounds, running, started = 6, list[UUID](), Counter[str]()
    for tenant, weight in enumerate(weights):
        leader.connection.execute("INSERT INTO indexjob.tenants (name, weight) VALUES (%s, %s)", [f"t{tenant}", weight])
        for n in range(rounds * sum(weights)):
            leader.enqueue(f"{tenant}/{n}", tenant=f"t{tenant}", priority=-tenant)
    while started.total() < rounds * sum(weights):
        for job in leader.claim(1, at_once=at_once):
            running.append(job)
            started[leader.row(job)["tenant"]] += 1
        if len(running) == at_once:
            leader.finish(running.pop(0))
    for tenant, weight in enumerate(weights):
        assert abs(started[f"t{tenant}"] - rounds * weight) <= 1, started


def test_nobody_saves_up_turns(leader: Leader) -> None:
    """Who had nothing in line while others were served is served like them from then on, not all at once."""
    for n in range(30):
        leader.enqueue(f"busy{n}", tenant="busy")
    for _ in range(10):
        leader.finish(*leader.claim(1))
    for n in range(10):
        leader.enqueue(f"late{n}", tenant="late")
    started = []
    for _ in range(8):
        (job,) = leader.claim(1)
        started.append(leader.row(job)["tenant"])
        leader.finish(job)
    assert sorted(started) == ["busy"] * 4 + ["late"] * 4


def test_a_crowd_that_cannot_run_is_taken_in_at_one_go(leader: Leader, database: str) -> None:
    """A call that launches nothing says when there is more to look at: the next need not wait for the slow poll."""
    with psycopg.connect(database, autocommit=True) as listener:
        leader.enqueue("a")
        leader.claim(1)
        for n in range(60):
            leader.enqueue("a", revision=f"{n}")
        listener.execute("LISTEN indexjob_wake")
        assert leader.claim(1, at_once=1) == []
        assert len(list(listener.notifies(timeout=2, stop_after=1))) == 1
        assert leader.claim(1, at_once=1) == []
        assert list(listener.notifies(timeout=0.2)) == []


def test_whom_the_next_of_a_line_gives_way_to_by_its_new_priority_goes_in_its_turn(leader: Leader) -> None:
    """Not after a younger one of another repository."""
    first, second = (leader.enqueue("a", revision=revision, priority=1) for revision in "12")
    leader.value("SELECT indexjob.intake(10)")
    younger = leader.enqueue("b", priority=1)
    leader.value("""SELECT indexjob.revise(%s, '{"priority": 0}')""", first)
    assert leader.claim(1) == [second]
    assert leader.claim(1) == [younger]


def test_a_tenants_cap_counts_what_runs_already(leader: Leader) -> None:
    """Whatever is asked for at once, and however many claims it takes; what is being taken down still counts, what has ended no more."""
    for n in range(6):
        leader.enqueue(f"r{n}", tenant="capped")
    leader.connection.execute("UPDATE indexjob.tenants SET cap = 2 WHERE name = 'capped'")
    (first,) = leader.claim(1)
    (second,) = leader.claim(5)
    assert leader.claim(5) == []
    leader.value("SELECT indexjob.cancel(%s)", first)
    assert leader.claim(5) == [], "its processes are there yet"
    leader.value("SELECT indexjob.release_slot(%s, %s, 1)", leader.epoch, first)
    assert len(leader.claim(5)) == 1
    leader.finish(second)
    leader.connection.execute("UPDATE indexjob.tenants SET cap = 1 WHERE name = 'capped'")
    assert leader.claim(5) == [], "a cap that was lowered ends nothing, and lets nothing more start"
    other = leader.enqueue("other", tenant="other")
    assert leader.claim(5) == [other], "the cap is one tenant's alone"


def test_what_there_is_no_room_for_is_put_in_line_too(leader: Leader) -> None:
    """Whether its tenant's cap, the overall cap or a pause holds it back."""
    leader.connection.execute("INSERT INTO indexjob.tenants (name, cap) VALUES ('capped', 0)")
    capped = leader.enqueue("a", tenant="capped")
    assert leader.claim() == []
    assert leader.row(capped)["line"] == "ready"
    leader.connection.execute("UPDATE indexjob.settings SET running_cap = 0")
    over = leader.enqueue("b")
    assert leader.claim() == []
    assert leader.row(over)["line"] == "ready"
    leader.connection.execute("UPDATE indexjob.settings SET running_cap = NULL, claiming_paused = true")
    paused = leader.enqueue("c")
    assert leader.claim() == []
    assert leader.row(paused)["line"] == "ready"


def test_a_new_job_goes_straight_to_its_launch_past_lines_that_stand(leader: Leader) -> None:
    """Many that came first stand behind a busy repository: none of them keeps a place that another could have."""
    running = leader.enqueue("busy", revision="0")
    assert leader.claim(1) == [running]
    behind = [leader.enqueue("busy", revision=str(n), priority=5) for n in range(1, 120)]
    free = leader.enqueue("free")
    assert leader.claim(1) == [free]
    assert {leader.row(job)["line"] for job in behind} == {"blocked"}
    leader.finish(running)
    assert leader.claim(1) == [behind[0]]


def test_equal_requests_that_no_claim_has_looked_at_are_coalesced_as_well(leader: Leader) -> None:
    first, equal = leader.enqueue("a"), leader.enqueue("a")
    assert leader.claim(1) == [first]
    assert leader.row(equal)["gave_way_to"] == first


def test_the_overall_cap_and_the_pause_hold(leader: Leader) -> None:
    for n in range(4):
        leader.enqueue(f"r{n}")
    leader.connection.execute("UPDATE indexjob.settings SET running_cap = 3")
    assert len(leader.claim(2)) == 2
    assert len(leader.claim()) == 1
    leader.connection.execute("UPDATE indexjob.settings SET running_cap = NULL, claiming_paused = true")
    assert leader.claim() == []
    assert leader.enqueue("r9")
    leader.connection.execute("UPDATE indexjob.settings SET claiming_paused = false")
    assert len(leader.claim()) == 2


def test_publishing_is_the_verdict(leader: Leader) -> None:
    job = leader.enqueue("a")
    leader.claim()
    leader.publish(job)
    assert leader.value("SELECT indexjob.cancel(%s)", job) is False, "what is published can't be cancelled"
    leader.finish(job, reason="NodeLost")
    assert (leader.row(job)["state"], leader.row(job)["reason"], leader.row(job)["progress"]) == (
        "completed",
        "Completed",
        100,
    )


def test_each_transition_is_guarded(leader: Leader) -> None:
    job = leader.enqueue("a")
    leader.claim()
    assert leader.value("SELECT indexjob.record_running(%s, %s, 7)", leader.epoch, job) is False
    assert leader.value("SELECT indexjob.record_running(%s, %s, 1)", leader.epoch, job) is True
    assert leader.value("SELECT indexjob.record_running(%s, %s, 1)", leader.epoch, job) is False
    leader.value("SELECT indexjob.cancel(%s)", job)
    assert leader.finish(job) == []
    assert leader.row(job)["state"] == "cancelled"


def requeue(leader: Leader, job: UUID, *, infrastructure: bool, spent: int = 0) -> object:
    launch = leader.row(job)["launch"]
    return leader.value(
        "SELECT indexjob.record_requeued(%s, %s, %s, now(), 'NodeLost', 'gone', %s, %s)",
        leader.epoch,
        job,
        launch,
        spent,
        infrastructure,
    )


def test_a_lost_launch_goes_back_in_line_and_resets_are_capped(leader: Leader) -> None:
    job = leader.enqueue("a")
    leader.connection.execute("UPDATE indexjob.settings SET reset_limit = 2")
    for launch in (1, 2):
        assert leader.claim() == [job]
        assert requeue(leader, job, infrastructure=True) == "queued"
        assert (leader.row(job)["launch"], leader.row(job)["resets"], leader.row(job)["failures"]) == (
            launch,
            launch,
            0,
        )
    assert leader.claim() == [job]
    assert requeue(leader, job, infrastructure=True) == "failed"
    assert leader.row(job)["reason"] == "Stalled"
    leader.value("SELECT indexjob.retry(%s)", job)
    assert leader.claim() == [job]
    assert leader.row(job)["launch"] == 4, "a launch's number is never used twice"


def test_why_a_launch_is_taken_down_is_kept_with_it_and_goes_with_it(leader: Leader) -> None:
    note = "SELECT indexjob.record_ending(%s, %s, %s, %s)"
    noted = "SELECT ending FROM indexjob.active WHERE id = %s"
    job = leader.enqueue()
    leader.claim()
    assert leader.value(noted, job) is None
    assert leader.value(note, leader.epoch, job, 1, '{"reason": "Evicted"}') is True
    assert leader.value(noted, job) == {"reason": "Evicted"}
    assert leader.value(note, leader.epoch, job, 2, "{}") is False
    leader.value("SELECT indexjob.record_requeued(%s, %s, 1, NULL, 'r', 'm', 0, false)", leader.epoch, job)
    assert leader.value(note, leader.epoch, job, 1, "{}") is False
    leader.claim()
    assert leader.value("SELECT launch FROM indexjob.active WHERE id = %s", job) == 2
    assert leader.value(noted, job) is None


def test_requeueing_what_was_published_finishes_it(leader: Leader) -> None:
    job = leader.enqueue("a")
    leader.claim()
    leader.publish(job, "skipped")
    assert requeue(leader, job, infrastructure=True) == "skipped"
    assert leader.row(job)["reason"] == "Unchanged"


def test_one_leader_and_a_deposed_one_writes_nothing(leader: Leader, database: str) -> None:
    job = leader.enqueue("a")
    assert leader.value("SELECT indexjob.acquire_lease('second', %s::interval)", TTL) is None
    leader.connection.execute("UPDATE indexjob.lease SET expires_at = now() - interval '1 second'")
    with psycopg.connect(database, autocommit=True) as connection:
        second = Leader(connection)
        assert second.epoch == leader.epoch + 1  # type: ignore[operator]
        assert leader.value("SELECT indexjob.renew_lease(%s, %s::interval)", leader.epoch, TTL) is False
        writes: list[Callable[[], object]] = [
            leader.claim,
            lambda: leader.value("SELECT indexjob.record_running(%s, %s, 1)", leader.epoch, job),
            lambda: leader.value("SELECT indexjob.record_finished(%s, '[]')", leader.epoch),
            lambda: requeue(leader, job, infrastructure=True),
            lambda: leader.value("SELECT indexjob.release_slot(%s, %s, 1)", leader.epoch, job),
            lambda: leader.value('SELECT indexjob.record_attempt(%s, %s, 1, \'{"pod_uid": "u"}\')', leader.epoch, job),
            lambda: leader.value("SELECT indexjob.mend(%s)", leader.epoch),
        ]
        for write in writes:
            with pytest.raises(psycopg.Error) as deposed:
                write()
            assert deposed.value.sqlstate == "IJ001"
        assert second.claim() == [job]


def test_mend_promotes_and_settles_what_was_missed(leader: Leader) -> None:
    first, equal, behind = leader.enqueue("a"), leader.enqueue("a"), leader.enqueue("a", revision="2")
    leader.claim()
    leader.connection.execute(
        "UPDATE indexjob.index_jobs SET state = 'failed', reason = 'X', finished_at = now() WHERE id = %s", (first,)
    )
    leader.connection.execute("DELETE FROM indexjob.slots")
    assert leader.value("SELECT indexjob.mend(%s)", leader.epoch) == 2
    assert leader.row(equal)["state"] == "failed"
    assert leader.claim() == [behind]


def test_a_worker_speaks_for_its_own_launch_alone(leader: Leader) -> None:
    job, other = leader.enqueue("a"), leader.enqueue("b")
    leader.claim()
    token = leader.value("SELECT indexjob.launch_token(%s, 1)", job)
    assert leader.value("SELECT indexjob.start_attempt(%s, 1, %s, 'uid', 'pod', 'node')", job, token) == 1
    assert leader.value("SELECT indexjob.start_attempt(%s, 1, %s, 'uid', 'pod', 'node')", job, token) == 1
    assert leader.value("SELECT indexjob.report_progress(%s, 1, %s, 'parse', 40)", job, token) is True
    for wrong in ((other, 1), (job, 2)):
        with pytest.raises(errors.Error) as refused:
            leader.value("SELECT indexjob.start_attempt(%s, %s, %s, 'uid', 'pod', 'node')", *wrong, token)
        assert refused.value.sqlstate == "IJ002"
        assert leader.value("SELECT indexjob.report_progress(%s, %s, %s, 'parse', 50)", *wrong, token) is False
    leader.value("SELECT indexjob.cancel(%s)", job)
    assert leader.value("SELECT indexjob.report_progress(%s, 1, %s, 'parse', 50)", job, token) is False
    leader.value(
        "SELECT indexjob.finish_attempt(%s, 'uid', 1, %s, 75, 'Fenced', 'm', 5, '{\"parse\": 1.5}', 'log')", job, token
    )
    assert leader.connection.execute(
        "SELECT number, exit_code, reason, log_tail FROM indexjob.attempts"
    ).fetchall() == [(1, 75, "Fenced", "log")]


def test_an_attempt_whose_pod_went_unseen_ends_when_the_next_begins(leader: Leader) -> None:
    """What is seen of its end later is laid over it."""
    job = leader.enqueue("a")
    leader.claim()
    token = leader.value("SELECT indexjob.launch_token(%s, 1)", job)
    begin = "SELECT indexjob.start_attempt(%s, 1, %s, %s, 'pod', 'node')"
    assert [leader.value(begin, job, token, uid) for uid in ("one", "two", "two")] == [1, 2, 2]
    ends = "SELECT finished_at IS NOT NULL, reason, exit_code FROM indexjob.attempts ORDER BY number"
    assert leader.connection.execute(ends).fetchall() == [(True, "Killed", None), (False, None, None)]
    seen = {"pod_uid": "one", "finished_at": "2026-01-01T00:00:00Z", "exit_code": 75, "reason": "NetworkError"}
    leader.value("SELECT indexjob.record_attempt(%s, %s, 1, %s)", leader.epoch, job, json.dumps(seen))
    assert leader.connection.execute(ends).fetchall() == [(True, "NetworkError", 75), (False, None, None)]


def test_an_end_brings_along_what_its_pods_left(leader: Leader) -> None:
    """Nothing is told of attempts to whom the lease is not."""
    jobs = [leader.enqueue(name) for name in "abc"]
    leader.claim()
    pods = [{"pod_uid": uid, "finished_at": "2026-01-01T00:00:00Z", "exit_code": 75} for uid in ("one", "two")]
    outcomes = [
        {"id": str(job), "launch": 1, "reason": "r", "message": "m", "attempts": told}
        for job, told in zip(jobs, (pods, pods[:1], []), strict=True)
    ]
    record = "SELECT indexjob.record_finished(%s, %s)"
    with pytest.raises(errors.Error) as deposed:
        leader.connection.execute(record, (leader.epoch - 1, json.dumps(outcomes)))
    assert deposed.value.sqlstate == "IJ001"
    assert leader.value("SELECT count(*) FROM indexjob.attempts") == 0
    assert len(leader.connection.execute(record, (leader.epoch, json.dumps(outcomes))).fetchall()) == len(jobs)
    kept = "SELECT number, exit_code, reason, finished_at = '2026-01-01T00:00:00Z' FROM indexjob.attempts WHERE job_id = %s ORDER BY number"
    assert [leader.connection.execute(kept.encode(), (job,)).fetchall() for job in jobs] == [
        [(1, 75, None, True), (2, 75, None, True)], [(1, 75, None, True)], [],
    ]  # fmt: skip


def test_the_view_shows_step_and_progress_of_the_current_launch(leader: Leader) -> None:
    job = leader.enqueue("a")
    leader.claim()
    leader.value("SELECT indexjob.record_running(%s, %s, 1)", leader.epoch, job)
    view = "SELECT state, step, progress, launches, attempts, job_name FROM indexjob.jobs"
    assert leader.connection.execute(view).fetchone() == ("running", "clone", 0, 1, 0, f"{job}-1")
    token = leader.value("SELECT indexjob.launch_token(%s, 1)", job)
    leader.value("SELECT indexjob.start_attempt(%s, 1, %s, 'uid', 'pod', 'node')", job, token)
    leader.value("SELECT indexjob.report_progress(%s, 1, %s, 'parse', 40)", job, token)
    assert leader.connection.execute(view).fetchone() == ("running", "parse", 40, 1, 1, f"{job}-1")
    requeue(leader, job, infrastructure=True)
    leader.claim()
    assert leader.connection.execute(view).fetchone() == ("launching", None, 0, 2, 1, f"{job}-2")


def test_what_a_worker_says_is_cut_to_size(leader: Leader) -> None:
    """No run is lost for words, and none fills the disk with them."""
    job, endless = leader.enqueue("a"), "x" * 1_000_000
    leader.claim()
    token = leader.value("SELECT indexjob.launch_token(%s, 1)", job)
    leader.value("SELECT indexjob.start_attempt(%s, 1, %s, %s, %s, %s)", job, token, *[endless] * 3)
    assert leader.value("SELECT indexjob.report_progress(%s, 1, %s, %s, 5)", job, token, endless) is True
    finish = "SELECT indexjob.finish_attempt(%s, %s, 1, %s, -99999, %s, %s, -5, %s, %s)"
    leader.value(finish, job, endless, token, endless, endless, json.dumps({endless: 1}), endless)
    query = (
        "SELECT length(pod), length(node), length(step), a.exit_code, a.peak_memory_bytes, a.steps, a.finished_at IS NOT NULL,"
        " pg_column_size(a) < 100000 FROM indexjob.index_job_attempts a JOIN indexjob.progress p USING (job_id)"
    )
    assert leader.connection.execute(query).fetchone() == (253, 253, 100, None, None, None, True, True)
