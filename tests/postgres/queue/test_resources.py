"""What the queue does for IndexJob resources: the run that a resource asks for, its changes, its end."""

from __future__ import annotations

import json
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import errors

from tests.postgres.queue.leading import Leader

REQUEST = {
    "repository": "https://example.org/a", "revision": "HEAD", "priority": 0, "backoff_limit": 3, "profile": "default", "tenant": "team-a",
    "options": {}, "suspend": False, "ttl_seconds_after_finished": None,
}  # fmt: skip


def apply(leader: Leader, uid: str, token: str = "", **changes: object) -> UUID:
    return leader.value(
        "SELECT indexjob.apply_resource(%s, %s, %s, %s)", leader.epoch, uid, token, json.dumps(REQUEST | changes)
    )  # type: ignore[return-value]


def test_a_resource_is_one_row_however_often_it_is_applied(leader: Leader) -> None:
    uid = str(uuid4())
    job = apply(leader, uid)
    before = leader.row(job)
    assert apply(leader, uid) == job
    assert leader.row(job) == before
    assert (before["tenant"], before["state"], before["idempotency_key"]) == ("team-a", "queued", f"indexjob:{uid}:")


def test_its_row_is_found_by_uid_though_its_namespace_is_now_another_tenants(leader: Leader) -> None:
    uid = str(uuid4())
    assert apply(leader, uid) == apply(leader, uid, tenant="team-b")


def test_suspend_resume_priority_and_ttl_are_what_the_resource_says(leader: Leader) -> None:
    uid = str(uuid4())
    job = apply(leader, uid, suspend=True, ttl_seconds_after_finished=60)
    row = leader.row(job)
    assert (row["state"], row["ttl_seconds_after_finished"]) == ("suspended", 60)
    apply(leader, uid, priority=7)
    row = leader.row(job)
    assert (row["state"], row["priority"], row["ttl_seconds_after_finished"]) == ("queued", 7, None)


def test_another_token_ends_the_run_and_makes_another(leader: Leader) -> None:
    uid = str(uuid4())
    first = apply(leader, uid)
    second = apply(leader, uid, "again")
    assert first != second
    assert (leader.row(first)["state"], leader.row(first)["message"]) == (
        "cancelled",
        "Its IndexJob asked for another run.",
    )
    third = apply(leader, uid)
    assert third not in (first, second), "any change of the token is another run, back to an earlier one too"


def test_what_is_published_ends_by_itself_whatever_its_resource_asks(leader: Leader) -> None:
    uid = str(uuid4())
    first = apply(leader, uid)
    assert leader.claim() == [first]
    leader.publish(first)
    apply(leader, uid, "again")
    leader.finish(first)
    assert leader.row(first)["state"] == "completed"


def test_a_resource_that_is_gone_leaves_nothing_under_way_and_nothing_kept(leader: Leader) -> None:
    gone, stays, done = str(uuid4()), str(uuid4()), str(uuid4())
    jobs = [apply(leader, uid, repository=f"https://example.org/{n}") for n, uid in enumerate((gone, stays, done))]
    leader.value("SELECT indexjob.cancel(%s)", jobs[2])
    assert leader.value("SELECT indexjob.drop_resources(%s, %s)", leader.epoch, [gone, done, "unheard-of"]) == 2
    assert [leader.row(job)["state"] for job in jobs] == ["cancelled", "queued", "cancelled"]
    assert leader.value("SELECT indexjob.prune('0')") == 2
    assert leader.value("SELECT indexjob.drop_resources(%s, %s)", leader.epoch, [gone]) == 0


def test_the_row_of_a_resource_is_kept_as_long_as_that_one_exists(leader: Leader) -> None:
    uid = str(uuid4())
    leader.value("SELECT indexjob.cancel(%s)", apply(leader, uid))
    assert leader.value("SELECT indexjob.prune('0')") == 0
    leader.value("SELECT indexjob.drop_resources(%s, %s)", leader.epoch, [uid])
    assert leader.value("SELECT indexjob.prune('0')") == 1


def test_no_deposed_leader_applies_or_drops(leader: Leader) -> None:
    leader.epoch -= 1  # type: ignore[operator]
    for call in (
        lambda: apply(leader, str(uuid4())),
        lambda: leader.value("SELECT indexjob.drop_resources(%s, '{}')", leader.epoch),
    ):
        with pytest.raises(psycopg.Error) as refused:
            call()
        assert refused.value.sqlstate == "IJ001"
    assert leader.value("SELECT count(*) FROM indexjob.index_jobs") == 0


def test_the_view_shows_uid_and_token_apart(leader: Leader) -> None:
    uid = str(uuid4())
    job = apply(leader, uid, "2026-01-01T00:00:00Z")
    leader.enqueue("b", idempotency_key="another")
    found = leader.connection.execute("SELECT id, uid, token FROM indexjob.resources").fetchall()
    assert found == [(job, uid, "2026-01-01T00:00:00Z")]


def test_no_producer_takes_a_resources_key_or_points_at_a_namespace(database: str, leader: Leader) -> None:
    leader.connection.execute("CREATE ROLE some_producer LOGIN IN ROLE indexjob_producer, indexjob_tenant_default")
    try:
        with psycopg.connect(database, user="some_producer", autocommit=True) as producer:
            with pytest.raises(errors.InvalidParameterValue, match="IndexJob resources"):
                producer.execute("SELECT indexjob.enqueue('https://example.org/a', idempotency_key => 'indexjob:x:')")
            with pytest.raises(errors.InvalidParameterValue, match="the operator's own"):
                producer.execute(
                    """SELECT indexjob.enqueue('https://example.org/a', options => '{"credentials_namespace": "kube-system"}')"""
                )
    finally:
        leader.connection.execute("DROP ROLE some_producer")
    assert leader.enqueue("a", options='{"credentials_secret": "s", "credentials_namespace": "team-a"}')


def test_how_long_a_job_is_kept_makes_no_request_another_one(leader: Leader) -> None:
    first = leader.enqueue("a", options='{"ttl_seconds_after_finished": 60, "languages": ["go"]}')
    equal = leader.enqueue("a", options='{"languages": ["go"], "ttl_seconds_after_finished": 5}')
    assert (leader.row(first)["options"], leader.row(first)["ttl_seconds_after_finished"]) == (
        {"languages": ["go"]},
        60,
    )
    assert leader.claim() == [first]
    assert leader.row(equal)["line"] == "coalesced"
    assert leader.value("SELECT ttl_seconds_after_finished FROM indexjob.active") == 60


@pytest.mark.parametrize("ttl", ["-1", "1.5", '"60"', "null", "2147483648"])
def test_a_ttl_that_is_none_is_refused(leader: Leader, ttl: str) -> None:
    with pytest.raises(errors.InvalidParameterValue, match="whole number of seconds, 0 or more"):
        leader.enqueue("a", options=f'{{"ttl_seconds_after_finished": {ttl}}}')


def test_a_raised_priority_overtakes_within_the_repository(leader: Leader) -> None:
    first = leader.enqueue("a", revision="one")
    second = leader.enqueue("a", revision="two")
    leader.connection.execute("UPDATE indexjob.settings SET running_cap = 0")
    leader.claim()
    assert [leader.row(job)["line"] for job in (first, second)] == ["ready", "blocked"]
    assert leader.value("SELECT indexjob.revise(%s, '{\"priority\": 5}')", second) is True
    leader.connection.execute("UPDATE indexjob.settings SET running_cap = NULL")
    assert leader.claim() == [second]


def test_a_lowered_priority_falls_behind_within_the_repository(leader: Leader) -> None:
    first = leader.enqueue("a", revision="one", priority=5)
    second = leader.enqueue("a", revision="two", priority=4)
    leader.connection.execute("UPDATE indexjob.settings SET running_cap = 0")
    leader.claim()
    assert leader.value("SELECT indexjob.revise(%s, '{\"priority\": 0}')", first) is True
    leader.connection.execute("UPDATE indexjob.settings SET running_cap = NULL")
    leader.claim()
    assert [leader.row(job)["state"] for job in (first, second)] == ["queued", "launching"]


def test_revise_changes_what_may_change_and_nothing_else(leader: Leader) -> None:
    job = leader.enqueue("a", priority=3)
    assert leader.value("SELECT indexjob.revise(%s, '{}')", job) is False
    assert (
        leader.value('SELECT indexjob.revise(%s, \'{"priority": null, "ttl_seconds_after_finished": 9}\')', job) is True
    )
    assert (leader.row(job)["priority"], leader.row(job)["ttl_seconds_after_finished"]) == (0, 9)
    for refused in (
        '{"revision": "x"}',
        '{"priority": 1.5}',
        '{"priority": "high"}',
        '{"ttl_seconds_after_finished": -1}',
        "[]",
    ):
        with pytest.raises(errors.InvalidParameterValue):
            leader.value("SELECT indexjob.revise(%s, %s)", job, refused)
    leader.value("SELECT indexjob.cancel(%s)", job)
    assert leader.value("SELECT indexjob.revise(%s, '{\"priority\": 8}')", job) is False
    with pytest.raises(errors.NoDataFound):
        leader.value("SELECT indexjob.revise(%s, '{}')", uuid4())
