"""The views for people and alerts say what is, to the tenants that it belongs to."""

from __future__ import annotations

import json

import pytest

from tests.postgres.queue.leading import Leader


def rows(leader: Leader, query: str, *values: object) -> list[tuple[object, ...]]:
    return leader.connection.execute(query.encode(), values).fetchall()


def test_summary_counts_rows_by_tenant_and_state(leader: Leader) -> None:
    leader.enqueue("a"), leader.enqueue("a"), leader.enqueue("b", tenant="t")
    cancelled = leader.enqueue("c", tenant="t")
    leader.value("SELECT indexjob.cancel(%s)", cancelled)
    assert rows(leader, "SELECT tenant, state, jobs FROM indexjob.summary ORDER BY 1, 2") == [
        ("default", "queued", 2),
        ("t", "cancelled", 1),
        ("t", "queued", 1),
    ]


def test_stuck_shows_what_gave_no_sign_for_ten_minutes(leader: Leader) -> None:
    silent, lively, going, launched = (leader.enqueue(name) for name in ("silent", "lively", "going", "launched"))
    leader.claim()
    for job in (silent, lively):
        token = leader.value("SELECT indexjob.launch_token(%s, 1)", job)
        leader.value("SELECT indexjob.record_running(%s, %s, 1)", leader.epoch, job)
        leader.value("SELECT indexjob.report_progress(%s, 1, %s, 'parse', 40)", job, token)
    leader.value("SELECT indexjob.suspend(%s)", going)
    unseen, waiting = leader.enqueue("unseen"), leader.enqueue("waiting", run_after="2100-01-01")
    assert rows(leader, "SELECT * FROM indexjob.stuck") == []
    past = "- interval '11 minutes'"
    leader.connection.execute(
        f"UPDATE indexjob.index_jobs SET created_at = created_at {past}, launched_at = launched_at {past}, started_at = started_at {past},"
        f" updated_at = updated_at {past}, run_after = CASE WHEN id = %s THEN run_after ELSE run_after {past} END",
        (waiting,),
    )
    leader.connection.execute(
        f"UPDATE indexjob.progress SET heartbeat_at = heartbeat_at {past} WHERE job_id = %s", (silent,)
    )
    found = dict(rows(leader, "SELECT id, what FROM indexjob.stuck"))
    assert found == {
        silent: "no sign of life",
        launched: "no sign of life",
        going: "its launch is not gone",
    }, "who waits for a turn is not stuck while a dispatcher runs"
    leader.connection.execute("UPDATE indexjob.lease SET expires_at = now() - interval '9 minutes'")
    assert len(rows(leader, "SELECT id FROM indexjob.stuck")) == 3
    leader.connection.execute("UPDATE indexjob.lease SET expires_at = now() - interval '11 minutes'")
    found = dict(rows(leader, "SELECT id, what FROM indexjob.stuck"))
    assert (len(found), found[unseen]) == (4, "no dispatcher runs")
    assert rows(leader, "SELECT silent_for >= '11 minutes' FROM indexjob.stuck") == [(True,)] * 4


def test_stuck_shows_due_jobs_wherever_they_stand_in_line_when_no_dispatcher_runs(leader: Leader) -> None:
    ready, blocked, new = leader.enqueue("a"), leader.enqueue("a", revision="2"), leader.enqueue("b")
    due, later = leader.enqueue("c", run_after="2100-01-01"), leader.enqueue("d", run_after="2100-01-01")
    leader.value("SELECT indexjob.intake(10)")
    assert [leader.row(job)["line"] for job in (ready, blocked, new, due)] == ["ready", "blocked", "ready", "scheduled"]
    leader.connection.execute("UPDATE indexjob.index_jobs SET line = 'new' WHERE id = %s", (new,))
    past = "now() - interval '11 minutes'"
    leader.connection.execute(
        f"UPDATE indexjob.index_jobs SET created_at = {past}, updated_at = {past}, run_after = {past} WHERE id <> %s",
        (later,),
    )
    assert rows(leader, "SELECT * FROM indexjob.stuck") == []
    leader.connection.execute("UPDATE indexjob.lease SET expires_at = '-infinity'")
    found = rows(leader, "SELECT id, what FROM indexjob.stuck")
    assert sorted(found) == sorted((job, "no dispatcher runs") for job in (ready, blocked, new, due))
    leader.value("SELECT indexjob.pause()")
    assert rows(leader, "SELECT * FROM indexjob.stuck") == []


def test_recent_failures_are_of_the_last_24_hours_the_last_one_first(leader: Leader) -> None:
    first, second, old = leader.enqueue("a"), leader.enqueue("b"), leader.enqueue("c")
    leader.claim()
    for job in (old, first, second):
        leader.finish(job)
    leader.connection.execute(
        "UPDATE indexjob.index_jobs SET finished_at = finished_at - interval '25 hours', created_at = created_at - interval '26 hours' WHERE id = %s",
        (old,),
    )
    assert rows(leader, "SELECT id, reason, launches, attempts FROM indexjob.recent_failures") == [
        (second, "PermanentError", 1, 0),
        (first, "PermanentError", 1, 0),
    ]


def test_durations_are_average_median_and_95th_percentile_of_the_last_7_days(leader: Leader) -> None:
    jobs = [leader.enqueue(f"r{n}") for n in range(11)]
    leader.claim(20)
    leader.finish(*jobs)
    for n, job in enumerate(jobs):
        leader.connection.execute(
            "UPDATE indexjob.index_jobs SET created_at = t, run_after = t, started_at = t + %(n)s * interval '1 s', finished_at = t + %(n)s * interval '3 s'"
            " FROM (SELECT now() - CASE WHEN %(n)s = 10 THEN interval '8 days' ELSE interval '1 day' END AS t) AS t WHERE id = %(id)s",
            {"n": n, "id": job},
        )
    query = "SELECT jobs, {} FROM indexjob.durations".format(
        ", ".join(
            f"extract(epoch FROM {what}_{figure})::float8"
            for what in ("waiting", "running")
            for figure in ("average", "p50", "p95")
        )
    )
    assert rows(leader, query) == [(10, 4.5, 4.5, pytest.approx(8.55), 9.0, 9.0, pytest.approx(17.1))]


def test_batches_count_by_state_and_show_the_progress_of_the_whole(leader: Leader) -> None:
    done, running, *_ = (leader.enqueue(f"r{n}", batch="night") for n in range(4))
    leader.enqueue("elsewhere")
    leader.claim(2)
    leader.publish(done)
    leader.finish(done)
    token = leader.value("SELECT indexjob.launch_token(%s, 1)", running)
    leader.value("SELECT indexjob.record_running(%s, %s, 1)", leader.epoch, running)
    leader.value("SELECT indexjob.report_progress(%s, 1, %s, 'parse', 50)", running, token)
    query = "SELECT batch, jobs, queued, running, completed, progress, finished_at IS NULL FROM indexjob.batches"
    assert rows(leader, query) == [("night", 4, 2, 1, 1, 37, True)]
    leader.claim()
    leader.finish(*(row[0] for row in rows(leader, "SELECT id FROM indexjob.jobs WHERE batch = 'night'")))
    query = "SELECT completed, failed, progress, finished_at IS NOT NULL FROM indexjob.batches"
    assert rows(leader, query) == [(1, 3, 100, True)]


class Waiting:
    """Reads the view for one job."""

    def __init__(self, leader: Leader) -> None:
        self.leader = leader

    def __call__(self, job: object) -> tuple[object, ...]:
        found = rows(self.leader, "SELECT place, reason, behind FROM indexjob.waiting WHERE id = %s", job)
        return found[0] if found else ()


def test_waiting_tells_place_and_reason(leader: Leader) -> None:
    waiting = Waiting(leader)
    running, other, equal = leader.enqueue("a"), leader.enqueue("b"), leader.enqueue("b")
    assert (waiting(running), waiting(equal)) == ((1, "next in turn", None), (3, "next in turn", None))
    assert set(leader.claim()) == {running, other}
    assert waiting(running) == ()
    second, third = leader.enqueue("a", revision="2"), leader.enqueue("a", revision="3")
    low, high = leader.enqueue("c"), leader.enqueue("d", priority=5)
    later, aside = leader.enqueue("e", run_after="2100-01-01"), leader.enqueue("f")
    leader.value("SELECT indexjob.suspend(%s)", aside)
    leader.claim(0)
    assert waiting(second) == (2, "behind a job of the same repository", running), "and behind the urgent one"
    assert waiting(third) == (3, "behind a job of the same repository", running)
    assert waiting(high) == (1, "next in turn", None)
    assert waiting(low) == (2, "next in turn", None)
    assert waiting(later) == (None, "due time", None)
    assert waiting(aside) == (None, "suspended", None)
    assert waiting(equal) == (None, "takes the outcome of an equal job", other)
    assert rows(leader, "SELECT id FROM indexjob.waiting LIMIT 2") == [(high,), (low,)], "the head comes first"
    leader.connection.execute("UPDATE indexjob.tenants SET cap = 2")
    assert waiting(high)[1] == "tenant's cap"
    leader.connection.execute("UPDATE indexjob.settings SET running_cap = 2")
    assert waiting(high)[1] == "overall cap"
    leader.value("SELECT indexjob.pause()")
    assert waiting(high)[1] == "paused"
    assert waiting(third)[1] == "paused"
    assert len(rows(leader, "SELECT id FROM indexjob.waiting")) == 7


def test_waiting_tells_the_place_of_what_no_claim_has_looked_at_yet(leader: Leader) -> None:
    """Behind what is ready and what is new, by priority and age."""
    waiting = Waiting(leader)
    running = leader.enqueue("a")
    assert leader.claim(1) == [running]
    ready = leader.enqueue("b")
    leader.value("SELECT indexjob.intake(10)")
    same, last, first = (
        leader.enqueue("a", revision="2"),
        leader.enqueue("c", priority=-1),
        leader.enqueue("d", priority=1),
    )
    leader.enqueue("elsewhere", tenant="t", priority=9)
    later = leader.enqueue("e", run_after="2100-01-01")
    assert waiting(ready) == (1, "next in turn", None)
    assert waiting(first) == (1, "next in turn", None)
    assert waiting(same) == (3, "behind a job of the same repository", running)
    assert waiting(last) == (5, "next in turn", None), "nobody knows yet that one of those before it is not due"
    assert waiting(later) == (None, "due time", None)


def test_waiting_tells_of_one_that_was_resumed_that_its_own_launch_is_in_its_way(leader: Leader) -> None:
    """From now on it waits, for nothing that held up the launch before."""
    job = leader.enqueue("a")
    leader.claim()
    leader.value("SELECT indexjob.record_waiting(%s, %s, 1, 'Unschedulable', 'no node')", leader.epoch, job)
    leader.value("SELECT indexjob.suspend(%s)", job)
    leader.connection.execute("UPDATE indexjob.index_jobs SET run_after = now() - interval '3 days'")
    leader.value("SELECT indexjob.resume(%s)", job)
    for _ in range(2):  # as it is, and once a claim has put it in line
        assert rows(leader, "SELECT reason, behind, message FROM indexjob.waiting") == [
            ("its launch is not gone", None, None)
        ]
        leader.claim()
    assert rows(leader, "SELECT run_after > now() - interval '1 minute', reason FROM indexjob.index_jobs") == [
        (True, None)
    ]


def test_waiting_tells_when_the_dispatcher_has_no_room_and_when_none_runs(leader: Leader) -> None:
    waiting = Waiting(leader)
    running = leader.enqueue("a")
    leader.connection.execute("SELECT indexjob.claim(%s, 10, 1, 'ns')", (leader.epoch,))
    ready, behind = leader.enqueue("b"), leader.enqueue("a", revision="2")
    leader.value("SELECT indexjob.intake(10)")
    new = leader.enqueue("c")
    assert waiting(ready) == (1, "every slot of the dispatcher is taken", None)
    assert waiting(new) == (2, "every slot of the dispatcher is taken", None)
    assert waiting(behind) == (2, "behind a job of the same repository", running)
    leader.connection.execute("SELECT indexjob.claim(%s, 0, 2, 'ns')", (leader.epoch,))
    assert waiting(ready)[1] == "next in turn", "it may have changed its mind"
    leader.value("SELECT indexjob.renew_lease(%s, '0')", leader.epoch)
    assert {waiting(job)[1] for job in (ready, new, behind)} == {"no dispatcher runs"}
    assert [waiting(job)[0] for job in (ready, new, behind)] == [1, 2, 2]
    leader.value("SELECT indexjob.acquire_lease('another', '1 minute')")
    assert waiting(ready)[1] == "next in turn", "what the last one could do doesn't count"


def test_waiting_costs_what_it_shows_not_what_there_is(leader: Leader) -> None:
    """Buffers, not milliseconds: 20,000 rows in line, most behind one repository, and 20,000 finished ones."""
    leader.connection.execute(
        "INSERT INTO indexjob.index_jobs (tenant, repository, clone_url, revision, priority, run_after, backoff_limit, profile, options, line)"
        " SELECT CASE WHEN n % 2 = 0 THEN 'default' ELSE 'other' END, 'https://example.org/' || CASE WHEN n % 4 = 0 THEN 'busy' ELSE n::text END,"
        " 'u', n::text, 0, now(), 3, 'default', '{}', CASE WHEN n % 4 = 0 THEN 'blocked' ELSE 'ready' END::indexjob.line_place"
        " FROM generate_series(1, 20000) AS n"
    )
    leader.connection.execute(
        "INSERT INTO indexjob.index_jobs (tenant, repository, clone_url, revision, priority, run_after, backoff_limit, profile, options, line, state,"
        " reason, finished_at) SELECT 'default', 'u', 'u', 'r', 0, now(), 3, 'default', '{}', NULL, 'failed', 'x', now() FROM generate_series(1, 20000)"
    )
    leader.connection.execute("INSERT INTO indexjob.tenants (name) VALUES ('other')")
    leader.connection.execute(
        "UPDATE indexjob.index_jobs SET line = 'ready' WHERE id = (SELECT id FROM indexjob.index_jobs WHERE line = 'blocked' ORDER BY seq LIMIT 1)"
    )
    leader.connection.execute("VACUUM ANALYZE indexjob.index_jobs")
    assert buffers(leader, "SELECT * FROM indexjob.waiting LIMIT 20") < 1000
    leader.connection.execute("UPDATE indexjob.index_jobs SET line = 'new' WHERE line = 'ready' AND seq % 2 = 1")
    leader.connection.execute("VACUUM ANALYZE indexjob.index_jobs")
    for end in ("DESC", "ASC"):
        for line in ("blocked", "ready", "new"):
            found = rows(leader, f"SELECT id FROM indexjob.index_jobs WHERE line = '{line}' ORDER BY seq {end} LIMIT 1")
            assert buffers(leader, f"SELECT * FROM indexjob.waiting WHERE id = '{found[0][0]}'") < 2000


def buffers(leader: Leader, query: str) -> int:
    (plan,) = rows(leader, f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}")[0]
    plan = json.loads(plan) if isinstance(plan, str) else plan
    return plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"]
