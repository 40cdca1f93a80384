"""Why a launch doesn't start, where that is told, and what becomes of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from tests.cluster.runtime.world import SMALL, World

NO_PODS = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
NO_JOBS = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "none"},
    "spec": {"hard": {"count/jobs.batch": "0"}},
}


@pytest.mark.parametrize("quota", [NO_PODS, NO_JOBS])
def test_what_a_quota_refuses_goes_back_in_line_and_runs_when_there_is_room(
    world: World, quota: dict[str, object]
) -> None:
    """It costs no attempt, and the view `waiting` says why and when it is tried again."""
    world.space.apply(quota)
    world.space.wait("resourcequota/none", until="jsonpath={.status.hard}")
    world.operate()
    job = world.enqueue("exit-65", backoff_limit=0)
    world.wait(lambda: world.job(job)["launches"] >= 2, "it is tried again")
    world.wait(lambda: (world.waiting(job) or {}).get("reason") == "QuotaExceeded", "the view says so")
    world.wait(lambda: "exceeded quota: none" in (world.job(job)["message"] or ""), "the row says so")
    world.space("delete", "resourcequota", "none")
    row = world.wait_for_end(job)
    assert (row["reason"], len(world.attempts(job))) == ("PermanentError", 1)
    world.assert_gone(job)


def test_what_admission_refuses_is_told_and_tried_again(world: World) -> None:
    """Here Pod Security: a profile that asks for the host's own AppArmor profile is none that `restricted` takes."""
    annotation = {"container.apparmor.security.beta.kubernetes.io/index": "unconfined"}
    world.operate(profiles={"default": SMALL | {"annotations": annotation}})
    job = world.enqueue("exit-65")
    world.wait(lambda: world.job(job)["reason"] == "NotStarted", "the row says so")
    message = world.job(job)["message"]
    assert "Kubernetes refused its pod (violates PodSecurity" in message
    world.steer("cancel", job)
    world.assert_gone(job)


def test_a_pod_that_no_node_takes_is_told_and_given_up_after_the_waiting_limit(world: World) -> None:
    world.operate(profiles={"default": SMALL | {"waitingSeconds": 6, "nodeSelector": {"no": "such"}}})
    job = world.enqueue("exit-65", backoff_limit=1)
    world.wait(lambda: (world.waiting(job) or {}).get("reason") == "Unschedulable", "the view says so")
    waiting = world.waiting(job)
    assert waiting is not None
    assert re.match(r"No node takes its pod \(0/\d+ nodes are available", waiting["message"])
    row = world.wait_for_end(job)
    assert (row["state"], row["reason"], row["launches"]) == ("failed", "Unschedulable", 2)
    assert row["message"].startswith("It waited ")
    world.assert_gone(job)


def test_an_image_that_cannot_be_had_is_told_and_given_up_after_the_waiting_limit(world: World) -> None:
    world.operate(
        worker={"image": "nowhere.test/worker:1", "imagePullPolicy": "Never"},
        profiles={"default": SMALL | {"waitingSeconds": 8}},
    )
    job = world.enqueue("exit-65", backoff_limit=0)
    world.wait(lambda: (world.waiting(job) or {}).get("reason") == "ImagePullFailed", "the view says so")
    row = world.wait_for_end(job)
    assert (row["state"], row["reason"]) == ("failed", "ImagePullFailed")
    assert "The worker's image can't be pulled (" in row["message"]
    world.assert_gone(job)


def test_what_a_pod_waited_for_is_forgotten_when_it_starts(world: World) -> None:
    world.operate(profiles={"default": SMALL | {"nodeSelector": {"indexjob.test/slot": world.space.name}}})
    job = world.enqueue("sleep")
    world.wait(lambda: world.job(job)["reason"] == "Unschedulable", "the row says so")
    node = next(one for one in world.space.list("nodes", "!indexjob.test/ghost"))["metadata"]["name"]
    label = "indexjob.test/slot"
    world.space("label", "node", node, f"{label}={world.space.name}", "--overwrite")
    try:
        world.wait_for(job, "running")
    finally:
        world.space("label", "node", node, f"{label}-")
    row = world.job(job)
    assert (row["reason"], row["message"], world.waiting(job)) == (None, None, None)
    world.steer("cancel", job)
    world.assert_gone(job)


def test_a_job_that_kubernetes_will_never_take_fails_at_once(world: World) -> None:
    world.operate(profiles={"default": SMALL | {"labels": {"team": "not a label!"}}})
    row = world.wait_for_end(world.enqueue("exit-65"))
    assert (row["state"], row["reason"]) == ("failed", "PermanentError")
    assert row["message"].startswith("Kubernetes takes no Job of this profile: ")
    assert row["finished_at"] <= datetime.now(UTC)


def test_an_unknown_profile_fails_at_once_and_names_those_that_there_are(world: World) -> None:
    world.operate(profiles={"default": SMALL, "large": SMALL})
    row = world.wait_for_end(world.enqueue("exit-65", profile="huge"))
    assert (row["reason"], row["message"]) == (
        "UnknownProfile",
        'There is no profile "huge". Use one of: default, large.',
    )
