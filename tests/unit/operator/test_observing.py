"""What a Job, its Pods and their Events are taken for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from indexjob.outcome import Outcome, Reason
from indexjob_operator.observing import accounts_for, is_ending, pared, read_launch, wants_events
from indexjob_operator.pods import read_pod
from indexjob_operator.runtime.protocol import Condition, LaunchSeen
from indexjob_operator.settings import Patience
from tests.unit.operator.launches import KEY, NOW, at, ended, job, pod, running, true, waiting

PATIENCE = Patience()


def look(a_job: dict[str, Any] | None, *pods: dict[str, Any], events: tuple[dict[str, Any], ...] = ()) -> LaunchSeen:
    """What is kept of a Job and its pods in a sweep says the same."""
    seen = read_launch(KEY, a_job, pods, events, NOW, PATIENCE)
    assert seen is not None
    assert seen == read_launch(KEY, a_job and pared(a_job), [pared(one) for one in pods], events, NOW, PATIENCE)
    return seen


def event(message: str, *, reason: str = "FailedCreate", ago: float = 5, **more: Any) -> dict[str, Any]:
    return {"type": "Warning", "reason": reason, "message": message, "metadata": {}, "lastTimestamp": at(ago), **more}


QUOTA = 'Error creating: pods "x-1" is forbidden: exceeded quota: small, requested: cpu=1, used: cpu=2, limited: cpu=2'


def test_nothing_is_none() -> None:
    assert read_launch(KEY, None, [], [], NOW, PATIENCE) is None


def test_the_verdict_is_the_condition_and_nothing_else() -> None:
    assert look(job(), pod("Succeeded", index=ended(0))).condition is None
    assert look(job(true("Complete"))).condition is Condition.COMPLETE
    assert look(job(true("SuccessCriteriaMet"))).condition is None
    assert look(job(true("FailureTarget", 1))).condition is None
    assert look(job({"type": "Failed", "status": "False"})).condition is None
    failed = look(job(true("Failed", reason="BackoffLimitExceeded", message="m")))
    assert (failed.condition, failed.ended_by) == (Condition.FAILED, "BackoffLimitExceeded: m")


def test_a_verdict_holds_though_somebody_deletes_the_job() -> None:
    seen = look(job(true("Complete"), deletionTimestamp=at(0)))
    assert (seen.condition, seen.lost) == (Condition.COMPLETE, None)


def test_pods_that_were_read_before_their_job_ended_are_known_by_it() -> None:
    over = job(true("Failed"))
    over["status"]["failed"] = 1
    assert accounts_for(job(), [])
    assert not accounts_for(job(deletionTimestamp=at(0)), [])
    assert not accounts_for(over, [])
    assert not accounts_for(over, [pod()])
    assert accounts_for(over, [pod("Failed", index=ended(1))])


def test_a_running_pod_has_started_and_one_that_waits_has_not() -> None:
    (attempt,) = look(job(), pod(clone=running(20))).pods
    assert (attempt.node, attempt.finished_at) == ("n1", None)
    assert attempt.started_at is not None
    (attempt,) = look(job(), pod("Pending", clone=waiting("PodInitializing"))).pods
    assert attempt.started_at is None


def test_it_indexes_from_the_start_of_index_or_where_that_is_not_told_the_end_of_clone() -> None:
    assert read_pod(pod(clone=running(20))).indexing_since is None
    assert read_pod(pod(clone=ended(75, until=10), index=waiting("PodInitializing"))).indexing_since is None
    began = ((waiting("PodInitializing"), at(10)), (running(9), at(9)), (ended(0, since=8), at(8)))
    for index, since in began:
        assert read_pod(pod(clone=ended(0, until=10), index=index)).indexing_since == datetime.fromisoformat(since)


def test_a_good_end_has_its_times_and_its_word() -> None:
    word = Outcome(reason=Reason.COMPLETED, commit="c", peak_memory_bytes=5).termination_message()
    attempt = read_pod(
        pod("Succeeded", clone=ended(0, since=40, until=30), index=ended(0, since=29, until=9, message=word))
    )
    assert (attempt.exit_code, attempt.reason, attempt.container) == (0, None, "index")
    assert attempt.started_at is not None
    assert attempt.finished_at is not None
    assert (attempt.finished_at - attempt.started_at).total_seconds() == 31
    assert attempt.outcome is not None
    assert attempt.outcome.peak_memory_bytes == 5


def test_a_clone_that_fails_is_the_attempts_end() -> None:
    word = Outcome(reason=Reason.REVISION_NOT_FOUND, message="no v9", exit_code=65).termination_message()
    attempt = read_pod(pod("Failed", clone=ended(65, message=word), index=waiting("PodInitializing")))
    assert (attempt.container, attempt.exit_code, attempt.reason) == ("clone", 65, None)
    assert attempt.outcome is not None
    assert attempt.outcome.reason is Reason.REVISION_NOT_FOUND


@pytest.mark.parametrize("message", ["", "no json", '{"reason": "NoSuchReason"}', "[]"])
def test_last_words_that_nobody_of_ours_said_are_none(message: str) -> None:
    attempt = read_pod(pod("Failed", clone=ended(0), index=ended(70, message=message)))
    assert (attempt.outcome, attempt.reason) == (None, Reason.KILLED)


def test_a_container_killed_for_memory_is_told_with_its_limit() -> None:
    attempt = read_pod(pod("Failed", clone=ended(0), index=ended(137, reason="OOMKilled")))
    assert (attempt.reason, attempt.peak_memory_bytes) == (Reason.OOM_KILLED, 2 * 1024**3)
    assert read_pod(pod("Failed", clone=ended(137, reason="OOMKilled"))).peak_memory_bytes == 1024**3


def test_oom_killed_counts_only_with_an_exit_code_and_not_beside_a_permanent_one() -> None:
    assert read_pod(pod("Succeeded", clone=ended(0), index=ended(0, reason="OOMKilled"))).reason is None
    word = Outcome(reason=Reason.TOO_LARGE, exit_code=65).termination_message()
    assert read_pod(pod("Failed", clone=ended(0), index=ended(65, reason="OOMKilled", message=word))).reason is None


@pytest.mark.parametrize(
    ("status", "reason", "disrupted"),
    [
        ({"reason": "Evicted", "message": "Usage of EmptyDir volume"}, Reason.EVICTED, False),
        ({"conditions": [true("DisruptionTarget", reason="EvictionByEvictionAPI", message="Eviction API: evicting")]}, Reason.EVICTED, True),
        ({"conditions": [true("DisruptionTarget", reason="PreemptionByScheduler")]}, Reason.EVICTED, True),
        ({"conditions": [true("DisruptionTarget", reason="DeletionByTaintManager")]}, Reason.NODE_LOST, True),
        ({"reason": "NodeLost"}, Reason.NODE_LOST, False),
        ({"reason": "DeadlineExceeded"}, Reason.DEADLINE_EXCEEDED, False),
        ({"reason": "OutOfcpu", "message": "Node didn't have enough resource"}, Reason.NOT_STARTED, False),
    ],
)  # fmt: skip
def test_what_the_cluster_did_is_told_as_such(status: dict[str, Any], reason: Reason, disrupted: bool) -> None:
    attempt = read_pod(pod("Failed", clone=ended(0), index=ended(143), **status))
    assert (attempt.reason, attempt.disrupted) == (reason, disrupted)


def test_a_pod_that_failed_before_anything_ran_is_an_attempt_too() -> None:
    bare = {
        "metadata": {"name": "p", "uid": "u", "creationTimestamp": at(9)},
        "status": {"phase": "Failed", "reason": "Evicted"},
    }
    attempt = read_pod(bare)
    assert (attempt.exit_code, attempt.reason) == (None, Reason.EVICTED)
    assert attempt.started_at is not None
    assert attempt.finished_at is not None


def test_a_job_that_somebody_deleted_is_lost_whatever_became_of_its_pods() -> None:
    for seen in (look(None, pod(clone=running())), look(job(deletionTimestamp=at(0)), pod(clone=running()))):
        assert seen.lost is not None
        assert seen.lost.reason is Reason.JOB_DELETED


@pytest.mark.parametrize(("terminating", "lost"), [(29, False), (31, True)])
def test_a_pod_that_does_not_end_is_on_a_dead_node(terminating: float, lost: bool) -> None:
    seen = look(job(), pod(clone=running(), metadata={"deletionTimestamp": at(terminating)}))
    assert (seen.lost is not None) is lost
    if seen.lost:
        assert (seen.lost.reason, "node n1" in seen.lost.message) == (Reason.NODE_LOST, True)
    else:
        assert seen.look_again_seconds is not None


@pytest.mark.parametrize(("failing", "lost"), [(49, False), (51, True)])
def test_a_job_that_is_to_fail_and_does_not_waits_for_a_dead_node(failing: float, lost: bool) -> None:
    seen = look(job(true("FailureTarget", failing)), pod(clone=running()))
    assert (seen.lost is not None) is lost


def test_a_job_that_is_to_fail_waits_for_no_node_once_its_pods_have_ended() -> None:
    assert look(job(true("FailureTarget", 1000)), pod("Failed", clone=ended(65))).lost is None


def test_a_quota_is_told_by_the_jobs_events_alone() -> None:
    assert look(job(age=10)).waiting is None
    seen = look(job(age=10), events=(event(QUOTA),))
    assert seen.waiting is not None
    assert (seen.waiting.reason, seen.waiting.refused) == (Reason.QUOTA_EXCEEDED, True)
    assert seen.waiting.message.startswith(
        "The namespace has no room for its pod (exceeded quota: small, requested: cpu=1"
    )


def test_the_newest_refusal_counts_and_none_from_before_the_last_pod() -> None:
    psa = event('Error creating: pods "x" is forbidden: violates PodSecurity "restricted"', ago=2)
    seen = look(job(age=60), events=(event(QUOTA, ago=9), psa))
    assert seen.waiting is not None
    assert (seen.waiting.reason, seen.waiting.refused) == (Reason.NOT_STARTED, True)
    assert 'violates PodSecurity "restricted"' in seen.waiting.message
    assert look(job(age=60), pod("Failed", clone=ended(75), age=30), events=(event(QUOTA, ago=40),)).waiting is None
    assert look(job(age=60), pod("Failed", clone=ended(75), age=30), events=(event(QUOTA, ago=3),)).waiting is not None


def test_events_are_read_only_when_nothing_else_says_why() -> None:
    assert wants_events(job(age=1), [], NOW, PATIENCE) is None
    assert wants_events(job(age=6), [], NOW, PATIENCE) == KEY.name
    assert wants_events(job(age=60), [pod(clone=running())], NOW, PATIENCE) is None
    assert wants_events(job(true("Complete"), age=60), [], NOW, PATIENCE) is None
    quiet = pod("Pending", clone=waiting("PodInitializing"), age=50)
    assert wants_events(job(age=60), [quiet], NOW, PATIENCE) == quiet["metadata"]["name"]
    assert wants_events(job(age=60), [pod("Pending", clone=waiting("ErrImagePull"), age=50)], NOW, PATIENCE) is None


def test_an_unschedulable_pod_says_so() -> None:
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 Insufficient memory.",
    }
    seen = look(job(), pod("Pending", node=None, conditions=[condition], age=50))
    assert seen.waiting is not None
    assert (seen.waiting.reason, seen.waiting.refused) == (Reason.UNSCHEDULABLE, False)
    assert "1 Insufficient memory)" in seen.waiting.message
    assert (NOW - seen.waiting.since).total_seconds() == 50


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"])
def test_an_image_that_cannot_be_had_says_so(reason: str) -> None:
    seen = look(job(), pod("Pending", clone=waiting(reason, "not found")))
    assert seen.waiting is not None
    assert seen.waiting.reason is Reason.IMAGE_PULL_FAILED
    assert "not found" in seen.waiting.message


def test_a_container_that_cannot_be_made_says_so() -> None:
    seen = look(job(), pod("Pending", clone=waiting("CreateContainerConfigError", "secret not found")))
    assert seen.waiting is not None
    assert seen.waiting.reason is Reason.NOT_STARTED


def test_a_pod_that_does_not_start_and_does_not_say_why_is_told_by_its_events() -> None:
    quiet = pod("Pending", clone=waiting("PodInitializing"), age=50)
    mount = event("MountVolume.SetUp failed", reason="FailedMount")
    seen = look(job(), quiet, events=(mount,))
    assert seen.waiting is not None
    assert (seen.waiting.reason, "MountVolume.SetUp failed" in seen.waiting.message) == (Reason.NOT_STARTED, True)
    assert look(job(), pod("Pending", clone=waiting("PodInitializing"), age=5)).waiting is None


def test_a_job_with_a_ttl_was_recorded() -> None:
    done = job(true("Complete"))
    assert look(done).released is False
    done["spec"]["ttlSecondsAfterFinished"] = 0
    assert look(done).released is True


def test_attempts_come_in_the_order_in_which_they_began() -> None:
    seen = look(job(), pod(uid="second", age=10, clone=running(5)), pod("Failed", uid="first", age=50, clone=ended(75)))
    assert [attempt.uid for attempt in seen.pods] == ["first", "second"]


def test_an_odd_object_is_taken_for_not_known() -> None:
    odd = {"metadata": {"name": "p", "uid": "u"}}
    assert look(job(), odd).pods[0].started_at is None


@pytest.mark.parametrize(
    ("status", "ending"),
    [
        ({"active": 1}, False),
        ({"failed": 1, "uncountedTerminatedPods": {}}, False),
        ({"uncountedTerminatedPods": {"succeeded": ["u"]}}, True),
        ({"succeeded": 1, "conditions": [{"type": "SuccessCriteriaMet", "status": "True"}]}, True),
        ({"conditions": [{"type": "FailureTarget", "status": "True"}]}, True),
        ({"conditions": [{"type": "FailureTarget", "status": "True"}, {"type": "Failed", "status": "True"}]}, False),
        ({"conditions": [{"type": "Complete", "status": "True"}]}, False),
        ({"phase": "Running"}, False),
        ({"phase": "Pending"}, False),
        ({"phase": "Succeeded"}, True),
        ({"phase": "Failed"}, True),
    ],
)
def test_an_end_that_is_about_to_be_told_is_waited_for(status: dict[str, Any], ending: bool) -> None:
    """But nothing of what is being deleted: nobody else will tell that it is gone."""
    assert is_ending({"metadata": {}, "status": status}) is ending
    assert not is_ending({"metadata": {"deletionTimestamp": at(0)}, "status": status})
