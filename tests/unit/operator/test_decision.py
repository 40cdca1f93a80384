"""Every judgement on a row and its launch."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from indexjob.outcome import Outcome, Reason
from indexjob.queue.leader import ActiveJob, FinishedLaunch
from indexjob_operator.decision import (
    MOST_DISRUPTIONS,
    Bounds,
    Decision,
    Finish,
    Launch,
    MarkRunning,
    Requeue,
    TakeDown,
    Wait,
    decide,
)
from indexjob_operator.profiles import Profile
from indexjob_operator.runtime.local import LocalRuntime
from indexjob_operator.runtime.protocol import Condition, LaunchKey, LaunchSeen, Lost, PodSeen, Waiting

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TIMEOUT = timedelta(minutes=5)
ID = UUID(int=1)
KEY = LaunchKey(ID, 2)
JOB = ActiveJob(
    id=ID, tenant="default", repository="https://x/y", clone_url="https://x/y", revision="HEAD", profile="default", options={},
    state="launching", launch=2, slot_launch=2, backoff_left=3, verdict=None, reason=None, launched_at=NOW, started_at=None, heartbeat_at=None, due_at=NOW,
    heartbeat_timeout=TIMEOUT,
)  # fmt: skip
RUNNING = replace(JOB, state="running", started_at=NOW)
POD = PodSeen("u", "p", started_at=NOW - timedelta(hours=1))
BOUNDS = Bounds(LocalRuntime.missing)
GIB = 1024**3


def failed(code: int, reason: Reason | None = None, message: str = "m") -> PodSeen:
    outcome = Outcome(reason=reason, message=message, exit_code=code) if reason else None
    return replace(POD, finished_at=NOW, exit_code=code, outcome=outcome)


def judge(job: ActiveJob, seen: LaunchSeen | None) -> Decision:
    return decide(job, seen, NOW, BOUNDS)


def ended(*pods: PodSeen, condition: Condition = Condition.FAILED) -> LaunchSeen:
    return LaunchSeen(KEY, condition, pods)


def test_a_claimed_row_without_a_launch_is_launched() -> None:
    assert judge(JOB, None) == Launch()


def test_a_launch_that_was_made_in_part_is_made_again_before_it_runs() -> None:
    assert judge(JOB, LaunchSeen(KEY, incomplete=True)) == Launch()
    assert judge(RUNNING, LaunchSeen(KEY, incomplete=True)) == Wait()
    assert isinstance(judge(replace(JOB, launch=3), LaunchSeen(KEY, incomplete=True)), TakeDown)


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
    "seen",
    [
        LaunchSeen(KEY, pods=(replace(POD, finished_at=NOW, exit_code=75), POD)),
        LaunchSeen(KEY, pods=(POD,), lost=Lost(Reason.NODE_LOST, "gone")),
        LaunchSeen(KEY, waiting=Waiting(Reason.QUOTA_EXCEEDED, "full", NOW, refused=True)),
    ],
)
def test_what_was_published_waits_for_no_other_attempt(seen: LaunchSeen) -> None:
    decision = judge(replace(RUNNING, verdict="completed"), seen)
    assert isinstance(decision, Finish)
    assert decision.take_down


def test_a_pod_that_has_published_may_end_by_itself() -> None:
    done = replace(POD, finished_at=NOW, exit_code=0)
    for pod in (POD, done):
        assert judge(replace(RUNNING, verdict="completed"), LaunchSeen(KEY, pods=(pod,))) == Wait()


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


INDEXING = replace(POD, indexing_since=NOW - timedelta(minutes=59))
SILENT = NOW - TIMEOUT - timedelta(seconds=1)


def assert_stalled(decision: Decision) -> None:
    assert isinstance(decision, Requeue)
    assert (decision.reason, decision.infrastructure) == (Reason.STALLED, True)
    assert decision.message == "The run gave no sign of life for 301 s."


@pytest.mark.parametrize("pod", [INDEXING, POD], ids=["indexes", "seems to clone still"])
def test_silence_after_a_heartbeat_is_fenced(pod: PodSeen) -> None:
    seen = LaunchSeen(KEY, pods=(pod,))
    assert judge(replace(RUNNING, heartbeat_at=NOW - TIMEOUT), seen) == Wait()
    assert_stalled(judge(replace(RUNNING, heartbeat_at=SILENT), seen))


@pytest.mark.parametrize("heartbeat_at", [None, POD.started_at and POD.started_at - timedelta(minutes=1)])
def test_silence_from_the_beginning_is_fenced_too(heartbeat_at: datetime | None) -> None:
    job = replace(RUNNING, heartbeat_at=heartbeat_at)
    assert judge(job, LaunchSeen(KEY, pods=(replace(POD, indexing_since=NOW - TIMEOUT),))) == Wait()
    assert_stalled(judge(job, LaunchSeen(KEY, pods=(replace(POD, indexing_since=SILENT),))))


def test_who_clones_is_not_silent_nor_who_waits_for_what_index_needs() -> None:
    assert judge(RUNNING, LaunchSeen(KEY, pods=(POD,))) == Wait()
    waiting = Waiting(Reason.IMAGE_PULL_FAILED, "No image.", SILENT)
    decision = judge(RUNNING, LaunchSeen(KEY, pods=(replace(POD, indexing_since=SILENT),), waiting=waiting))
    assert isinstance(decision, Wait)


def test_a_heartbeat_of_an_attempt_before_says_nothing_of_the_one_that_runs() -> None:
    before = replace(POD, uid="before", finished_at=NOW - timedelta(minutes=10), exit_code=75)
    again = replace(POD, started_at=NOW - timedelta(minutes=8))
    job = replace(RUNNING, heartbeat_at=NOW - timedelta(minutes=11))
    assert judge(job, LaunchSeen(KEY, pods=(before, again))) == Wait()
    again = replace(again, indexing_since=NOW - timedelta(minutes=4))
    assert judge(job, LaunchSeen(KEY, pods=(before, again))) == Wait()
    assert judge(job, LaunchSeen(KEY, pods=(before,))) == Wait(), "between two attempts nothing beats"


def test_what_is_lost_is_taken_down_and_counts_as_a_reset_beside_the_attempts_that_had_failed() -> None:
    seen = LaunchSeen(KEY, pods=(failed(75), POD), lost=Lost(Reason.NODE_LOST, "The node n is gone."))
    assert judge(RUNNING, seen) == Requeue(Reason.NODE_LOST, "The node n is gone.", spent=1, infrastructure=True)


def waits(reason: Reason, ago: timedelta, *, refused: bool = False) -> LaunchSeen:
    return LaunchSeen(KEY, waiting=Waiting(reason, "Why.", NOW - ago, refused=refused))


def test_a_pod_that_waits_is_waited_for_until_the_limit_and_looked_at_then() -> None:
    seen = waits(Reason.UNSCHEDULABLE, timedelta(seconds=590))
    decision = judge(JOB, seen)
    assert isinstance(decision, Wait)
    assert decision.waiting == seen.waiting
    assert decision.look_again_seconds == pytest.approx(10.1)


@pytest.mark.parametrize("reason", [Reason.UNSCHEDULABLE, Reason.IMAGE_PULL_FAILED, Reason.NOT_STARTED])
def test_a_pod_that_waited_too_long_costs_an_attempt_and_at_the_limit_the_job(reason: Reason) -> None:
    seen = waits(reason, timedelta(seconds=600))
    decision = judge(JOB, seen)
    assert isinstance(decision, Requeue)
    assert (decision.reason, decision.spent, decision.infrastructure) == (reason, 1, False)
    last = judge(replace(JOB, backoff_left=0), seen)
    assert isinstance(last, Finish)
    assert last.take_down
    assert (last.verdict.reason, last.verdict.message) == (reason, "It waited 600 s for a pod to start. Why.")


@pytest.mark.parametrize("reason", [Reason.QUOTA_EXCEEDED, Reason.NOT_STARTED])
def test_what_got_no_pod_at_all_goes_back_in_line_and_costs_nothing(reason: Reason) -> None:
    decision = judge(JOB, waits(reason, timedelta(hours=9), refused=True))
    assert decision == Requeue(reason, "Why.", pause=timedelta(seconds=30))


def test_disruptions_cost_nothing_until_there_are_too_many() -> None:
    pods = tuple(
        replace(failed(143), uid=str(n), reason=Reason.EVICTED, disrupted=True) for n in range(MOST_DISRUPTIONS)
    )
    assert judge(RUNNING, LaunchSeen(KEY, pods=(*pods, POD))) == Wait()
    decision = judge(
        RUNNING, LaunchSeen(KEY, pods=(*pods, replace(pods[0], uid="x", message="The node had no memory left")))
    )
    assert isinstance(decision, Finish)
    assert decision.take_down
    assert decision.verdict.reason == Reason.EVICTED
    assert "ended 11 of its pods, the last one with: The node had no memory left." in decision.verdict.message


def test_disruptions_count_over_all_launches_of_a_job_though_their_pods_are_gone() -> None:
    seen = LaunchSeen(KEY, pods=(POD,))
    assert judge(replace(RUNNING, disruptions=MOST_DISRUPTIONS), seen) == Wait()
    decision = judge(replace(RUNNING, disruptions=MOST_DISRUPTIONS + 1), seen)
    assert isinstance(decision, Finish)
    assert (decision.take_down, decision.verdict.reason) == (True, Reason.EVICTED)


def test_a_worker_that_did_not_end_at_its_deadline_ends_the_job() -> None:
    stuck = replace(failed(137), reason=Reason.DEADLINE_EXCEEDED)
    decision = judge(RUNNING, LaunchSeen(KEY, pods=(stuck, POD)))
    assert isinstance(decision, Finish)
    assert (decision.take_down, decision.verdict.reason) == (True, Reason.DEADLINE_EXCEEDED)


def oom(*, left: int = 3, kills: int = 0, profile: Profile | None = None) -> Decision:
    pod = replace(failed(137), reason=Reason.OOM_KILLED)
    seen = replace(ended(failed(75), pod), ended_by="PodFailurePolicy: exit code 137")
    bounds = replace(BOUNDS, profile=profile or Profile())
    return decide(replace(RUNNING, backoff_left=left, oom_kills=kills), seen, NOW, bounds)


def test_a_run_without_enough_memory_is_launched_again_with_more() -> None:
    decision = oom()
    assert isinstance(decision, Requeue)
    assert (decision.reason, decision.spent) == (Reason.OOM_KILLED, 2)
    assert "more than 2Gi of memory; the next launch has 4Gi" in decision.message


@pytest.mark.parametrize(
    ("left", "kills", "words"),
    [(3, 2, 'more than 8Gi of memory, the most that profile "default" allows'), (1, 0, "no attempt is left to try with more")],
)  # fmt: skip
def test_at_the_cap_or_without_attempts_left_it_has_failed(left: int, kills: int, words: str) -> None:
    decision = oom(left=left, kills=kills)
    assert isinstance(decision, Finish)
    assert decision.verdict.reason == Reason.OOM_KILLED
    assert words in decision.verdict.message


def test_without_a_limit_there_is_no_more_memory_to_give_and_attempts_count() -> None:
    unlimited = Profile.model_validate({"resources": {"limits": {}}})
    assert isinstance(oom(profile=unlimited), Requeue)
    assert isinstance(oom(profile=unlimited, left=1), Finish)


def test_a_killed_worker_is_launched_again_with_what_is_left() -> None:
    seen = replace(ended(failed(137)), ended_by="PodFailurePolicy: Container index failed with exit code 137")
    decision = judge(RUNNING, seen)
    assert isinstance(decision, Requeue)
    assert (decision.reason, decision.spent, decision.infrastructure) == (Reason.KILLED, 1, False)
    assert isinstance(judge(replace(RUNNING, backoff_left=0), seen), Finish)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("BackoffLimitExceeded: Job has reached the specified backoff limit", Reason.BACKOFF_LIMIT_EXCEEDED),
        ("PodFailurePolicy: Container index for pod a/b failed with exit code 65 matching FailJob rule", Reason.PERMANENT_ERROR),
        ("PodFailurePolicy: Container index for pod a/b failed with exit code 124 matching FailJob rule", Reason.DEADLINE_EXCEEDED),
    ],
)  # fmt: skip
def test_when_its_pods_are_gone_the_jobs_own_word_counts(word: str, reason: Reason) -> None:
    decision = judge(RUNNING, replace(ended(), ended_by=word))
    assert isinstance(decision, Finish)
    assert decision.verdict.reason == reason


@pytest.mark.parametrize("state", ["cancelled", "suspended", "failed", "queued", "completed"])
@pytest.mark.parametrize("seen", [None, LaunchSeen(KEY, pods=(POD,)), ended(failed(65))])
def test_a_launch_whose_row_went_on_without_it_is_taken_down(state: str, seen: LaunchSeen | None) -> None:
    assert judge(replace(JOB, state=state), seen) == TakeDown(KEY)


def test_an_older_launch_is_taken_down_before_the_next_is_looked_at() -> None:
    assert judge(replace(JOB, launch=3), None) == TakeDown(KEY)


def test_a_pod_that_was_deleted_and_killed_at_that_spends_an_attempt() -> None:
    seen = replace(
        ended(),
        ended_by="PodFailurePolicy: Container index for pod a/b failed with exit code 137 matching FailJob rule",
    )
    decision = judge(RUNNING, seen)
    assert isinstance(decision, Requeue)
    assert (decision.reason, decision.spent, decision.infrastructure) == (Reason.KILLED, 1, False)
    last = judge(replace(RUNNING, backoff_left=0), seen)
    assert isinstance(last, Finish)
    assert last.verdict.reason == Reason.BACKOFF_LIMIT_EXCEEDED


@pytest.mark.parametrize(
    "judged",
    [
        Requeue(Reason.STALLED, "It was silent.", spent=2, infrastructure=True),
        Requeue(Reason.QUOTA_EXCEEDED, "No room.", pause=timedelta(seconds=30)),
        Finish(FinishedLaunch(JOB.id, JOB.launch, Reason.EVICTED, "Too often."), take_down=True),
    ],
)
@pytest.mark.parametrize("state", ["launching", "running"])
def test_what_was_judged_before_a_launch_was_taken_down_stands(judged: Finish | Requeue, state: str) -> None:
    """Whatever is left of it, and whoever reads it back from the row."""
    job = replace(JOB, state=state, ending=json.loads(json.dumps(judged.note())))
    for left in (
        None,
        LaunchSeen(KEY),
        LaunchSeen(KEY, condition=Condition.FAILED),
        LaunchSeen(KEY, lost=LocalRuntime.missing),
    ):
        assert judge(job, left) == judged
    assert isinstance(judge(replace(job, state="cancelled"), None), TakeDown)
