"""What producers and strangers do to a launch while it is under way."""

from __future__ import annotations

import pytest

from tests.cluster.runtime.world import SMALL, World

NOWHERE = SMALL | {"nodeSelector": {"no": "such"}}


@pytest.mark.parametrize("propagation", ["background", "foreground", "orphan"])
def test_a_job_that_somebody_deletes_is_launched_again_and_only_once_its_pods_are_gone(
    world: World, propagation: str
) -> None:
    world.operate()
    job = world.enqueue("sleep", backoff_limit=0)
    world.wait_for(job, "running")
    (first,) = world.pods_of(job)
    world.space("delete", f"job/{job}-1", f"--cascade={propagation}", "--wait=false")
    world.wait(lambda: world.job(job)["launches"] == 2 and world.job(job)["state"] == "running", "another launch runs")
    alive = [pod["metadata"] for pod in world.pods_of(job) if pod["status"]["phase"] in ("Pending", "Running")]
    assert [one["labels"]["codeindex.dev/launch"] for one in alive] == ["2"]
    first_attempt = world.attempts(job)[0]
    assert first_attempt["pod"] == first["metadata"]["name"]
    assert first_attempt["finished_at"] is not None
    assert world.attempts(job)[-1]["started_at"] >= first_attempt["finished_at"].replace(microsecond=0)
    assert world.row("SELECT resets, failures FROM indexjob.index_jobs WHERE id = %s", job) == {
        "resets": 1,
        "failures": 0,
    }
    world.steer("cancel", job)
    world.assert_gone(job)


def test_a_job_deleted_before_its_pod_starts_is_never_made_again_under_its_name(world: World) -> None:
    world.operate(profiles={"default": NOWHERE})
    job = world.enqueue("sleep")
    world.wait(lambda: world.job(job)["reason"] == "Unschedulable", "it waits for a node")
    world.space("delete", f"job/{job}-1", "--wait=false")
    world.wait(lambda: world.job(job)["launches"] == 2, "another launch")
    world.wait(lambda: [one["metadata"]["name"] for one in world.jobs_of(job)] == [f"{job}-2"], "under another name")
    world.steer("cancel", job)
    world.assert_gone(job)


@pytest.mark.parametrize("how", ["cancel", "suspend"])
@pytest.mark.parametrize("profile", [SMALL, NOWHERE], ids=["running", "launching"])
def test_what_is_cancelled_or_suspended_is_taken_down(world: World, how: str, profile: dict[str, object]) -> None:
    world.operate(profiles={"default": profile})
    job = world.enqueue("sleep")
    if profile is SMALL:
        world.wait_for(job, "running")
    else:
        world.wait(lambda: world.pods_of(job), "its pod is there")
    world.steer(how, job)
    world.wait(lambda: not world.jobs_of(job), "its Job is gone")
    world.assert_gone(job)
    assert world.job(job)["state"] == {"cancel": "cancelled", "suspend": "suspended"}[how]


def test_resume_starts_a_new_launch(world: World) -> None:
    world.operate()
    job = world.enqueue("sleep")
    world.wait_for(job, "running")
    world.steer("suspend", job)
    world.assert_gone(job)
    world.steer("resume", job)
    world.wait_for(job, "running")
    assert [one["metadata"]["name"] for one in world.jobs_of(job)] == [f"{job}-2"]
    world.steer("cancel", job)
    world.assert_gone(job)


def test_what_was_cancelled_while_nobody_led_is_taken_down_by_the_next(world: World) -> None:
    operating = world.operate()
    job = world.enqueue("sleep")
    world.wait_for(job, "running")
    operating.end()
    world.steer("cancel", job)
    assert world.pods_of(job)
    world.operate()
    world.wait(lambda: not world.jobs_of(job), "its Job is gone")
    world.assert_gone(job)
