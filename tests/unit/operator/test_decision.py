"""Every judgement on a row and its launch."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from indexjob.outcome import Outcome, Reason
from indexjob.queue.leader import ActiveJob
from indexjob_operator.decision import Decision, Finish, Launch, MarkRunning, Requeue, TakeDown, Wait, decide
from indexjob_operator.runtime.protocol import Condition, LaunchKey, LaunchSeen, PodSeen

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TIMEOUT = timedelta(minutes=5)
ID = UUID(int=1)
KEY = LaunchKey(ID, 2)
JOB = ActiveJob(
    id=ID, tenant="default", repository="https://x/y", clone_url="https://x/y", revision="HEAD", profile="default", options={},
    state="launching", launch=2, slot_launch=2, backoff_left=3, verdict=None, reason=None, launched_at=NOW, started_at=None, heartbeat_at=None, due_at=NOW,
)  # fmt: skip
RUNNING = replace(JOB, state="running", started_at=NOW)
POD = PodSeen("u", "p", started_at=NOW)


def failed(code: int, reason: Reason | None = None, message: str = "m") -> PodSeen:
    outcome = Outcome(reason=reason, message=message, exit_code=code) if reason else None
    return replace(POD, finished_at=NOW, exit_code=code, outcome=outcome)


def judge(job: ActiveJob, seen: LaunchSeen | None) -> Decision:
    return decide(job, seen, NOW, TIMEOUT)


def ended(*pods: PodSeen, condition: Condition = Condition.FAILED) -> LaunchSeen:
    return LaunchSeen(KEY, condition, pods)


def test_a_claimed_row_without_a_launch_is_launched() -> None:
    assert judge(JOB, None) == Launch()


def test_a_launch_without_a_pod_is_waited_for() -> None:
    assert judge(JOB, LaunchSeen(KEY)) == Wait()


def test_a_started_pod_makes_it_running() -> None:
    assert judge(JOB, LaunchSeen(KEY, pods=(POD,))) == MarkRunning()
    assert judge(RUNNING, LaunchSeen(KEY, pods=(POD,))) == Wait()


def test_a_running_row_without_a_launch_was_lost() -> None:
    decision = judge(RUNNING, None)
    assert isinstance(decision, Requeue)
    assert (decision.reason, decision.infrastructure, decision.spent) == (Reason.NODE_LOST, True, 0)


@pytest.mark.parametrize("seen", [None, ended(failed(70)), ended(condition=Condition.COMPLETE)])
@pytest.mark.parametrize("job", [JOB, RUNNING])
def test_what_was_published_is_finished_whatever_its_launch_says(job: ActiveJob, seen: LaunchSeen | None) -> None:
    assert isinstance(judge(replace(job, verdict="completed"), seen), Finish)


@pytest.mark.parametrize(
    ("pods", "reason", "words"),
    [
        ([failed(65, Reason.REVISION_NOT_FOUND, "no v9")], Reason.PERMANENT_ERROR, "RevisionNotFound: no v9"),
        ([failed(77, Reason.ACCESS_DENIED)], Reason.PERMANENT_ERROR, "AccessDenied"),
        ([failed(124, Reason.DEADLINE_EXCEEDED)], Reason.DEADLINE_EXCEEDED, "m"),
        ([failed(75, Reason.NETWORK_ERROR)], Reason.BACKOFF_LIMIT_EXCEEDED, "The only attempt failed: NetworkError: m"),
        (
            [failed(75), failed(70, Reason.INTERNAL_ERROR)],
            Reason.BACKOFF_LIMIT_EXCEEDED,
            "All 2 attempts failed, the last one with: InternalError: m",
        ),
        ([failed(137)], Reason.BACKOFF_LIMIT_EXCEEDED, "exit code 137 and no word"),
    ],
)
def test_a_failed_launch_ends_with_a_typed_reason_and_a_sentence(
    pods: list[PodSeen], reason: Reason, words: str
) -> None:
    decision = judge(RUNNING, ended(*pods))
    assert isinstance(decision, Finish)
    assert decision.verdict.reason == reason
    assert words in decision.verdict.message


def test_an_end_without_publishing_is_a_bug_of_ours() -> None:
    decision = judge(RUNNING, ended(replace(POD, finished_at=NOW, exit_code=0), condition=Condition.COMPLETE))
    assert isinstance(decision, Finish)
    assert decision.verdict.reason == Reason.INTERNAL_ERROR


def test_a_launch_that_its_runtime_interrupted_costs_nothing() -> None:
    decision = judge(RUNNING, replace(ended(failed(75, Reason.TERMINATED)), interrupted=True))
    assert isinstance(decision, Requeue)
    assert (decision.spent, decision.infrastructure) == (0, False)


def test_silence_is_fenced_and_the_clone_has_none_yet() -> None:
    seen = LaunchSeen(KEY, pods=(POD,))
    assert judge(replace(RUNNING, heartbeat_at=NOW - TIMEOUT), seen) == Wait()
    decision = judge(replace(RUNNING, heartbeat_at=NOW - TIMEOUT - timedelta(seconds=1)), seen)
    assert isinstance(decision, Requeue)
    assert (decision.reason, decision.infrastructure) == (Reason.STALLED, True)


@pytest.mark.parametrize("state", ["cancelled", "suspended", "failed", "queued", "completed"])
@pytest.mark.parametrize("seen", [None, LaunchSeen(KEY, pods=(POD,)), ended(failed(65))])
def test_a_launch_whose_row_went_on_without_it_is_taken_down(state: str, seen: LaunchSeen | None) -> None:
    assert judge(replace(JOB, state=state), seen) == TakeDown(KEY)


def test_an_older_launch_is_taken_down_before_the_next_is_looked_at() -> None:
    assert judge(replace(JOB, launch=3), None) == TakeDown(KEY)
