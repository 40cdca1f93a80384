"""What is whose: names that are taken, objects that nobody looks after, and those of another database."""

from __future__ import annotations

from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest

from indexjob_operator import names
from indexjob_operator.manifests import secret_of
from indexjob_operator.runtime.protocol import LaunchKey
from tests.cluster.runtime.world import SMALL, World, labelled

GRACE_PASSED = 12.0
OWNER = "indexjob-owner"  # the one that the chart's Role names


def ours(world: World, job: str, launch: int = 1, instance: str | None = None) -> dict[str, Any]:
    return {
        names.MANAGED_BY: names.OURS,
        names.INSTANCE: instance or world.instance,
        names.INDEX_JOB: job,
        names.LAUNCH: str(launch),
    }


def test_everything_of_a_launch_is_named_labelled_and_owned(world: World) -> None:
    """By the release's ConfigMap: when that goes, so does all."""
    world.space("create", "configmap", OWNER)
    world.operate(owner=OWNER)
    job = world.enqueue("sleep")
    world.wait_for(job, "running")
    (made,), (secret,) = world.jobs_of(job), world.secrets_of(job)
    assert made["metadata"]["name"] == f"{job}-1"
    assert secret["metadata"]["name"] == secret_of(made)
    assert ours(world, job).items() <= made["metadata"]["labels"].items()
    for one in (made, secret):
        assert [(o["kind"], o["name"]) for o in one["metadata"]["ownerReferences"]] == [("ConfigMap", OWNER)]
    assert world.job(job)["job_name"] == f"{job}-1"
    assert world.job(job)["namespace"] == world.space.name
    world.operators[0].end()
    world.space("delete", "configmap", OWNER)
    world.wait(lambda: not world.jobs_of(job) + world.pods_of(job) + world.secrets_of(job), "all of it is gone")
    world.steer("cancel", job)
    world.space("create", "configmap", OWNER)
    world.operate(owner=OWNER)
    world.assert_gone(job)


def test_a_launch_that_was_made_before_a_crash_is_adopted(world: World) -> None:
    """Two operators, the first gone before it could record anything: one Job, one pod."""
    first = world.operate()
    job = world.enqueue("sleep")
    world.wait(lambda: world.jobs_of(job), "its Job is made")
    first.end()
    (made,) = world.jobs_of(job)
    world.operate()
    world.wait_for(job, "running")
    assert [one["metadata"]["uid"] for one in world.jobs_of(job)] == [made["metadata"]["uid"]]
    assert len(world.pods_of(job)) == 1
    world.steer("cancel", job)
    world.assert_gone(job)


def test_a_launch_of_which_a_crash_made_only_the_job_gets_its_secret(world: World) -> None:
    first = world.operate(profiles={"default": {**SMALL, "nodeSelector": {"not": "there"}}})
    job = world.enqueue("sleep")
    world.wait(lambda: world.jobs_of(job) and world.secrets_of(job), "its Job and its Secret are made")
    first.end()
    (made,) = world.jobs_of(job)
    world.space("delete", f"secret/{secret_of(made)}")
    world.operate()
    world.wait(lambda: world.secrets_of(job), "its Secret is made")
    assert [one["metadata"]["uid"] for one in world.jobs_of(job)] == [made["metadata"]["uid"]]
    assert world.job(job)["launches"] == 1
    world.steer("cancel", job)
    world.assert_gone(job)


def test_a_name_that_is_taken_by_a_stranger_is_left_alone_and_another_launch_follows(world: World) -> None:
    job = world.enqueue("sleep")
    world.space.apply(labelled(world, "Job", f"{job}-1", {"not": "ours"}))
    world.operate()
    world.wait(
        lambda: world.job(job)["launches"] == 2 and world.job(job)["state"] == "running", "the second launch runs"
    )
    stranger = world.space.get(f"job/{job}-1")
    assert "deletionTimestamp" not in stranger["metadata"]
    assert "ttlSecondsAfterFinished" not in stranger["spec"]
    world.steer("cancel", job)
    world.assert_gone(job)
    assert world.space.get(f"job/{job}-1")


def test_a_secret_that_a_stranger_made_before_is_not_read(world: World) -> None:
    """He can't say what ours will be called."""
    job = world.enqueue("sleep")
    world.space.apply(labelled(world, "Secret", f"{job}-1", {"not": "ours"}, stringData={"a": "b"}))
    world.operate()
    world.wait_for(job, "running")
    assert world.job(job)["launches"] == 1
    (made,) = world.jobs_of(job)
    assert secret_of(made) not in (None, f"{job}-1")
    world.steer("cancel", job)
    world.assert_gone(job)
    assert world.space.get(f"secret/{job}-1")["data"]


@pytest.mark.parametrize("labelled_as_ours", [False, True])
def test_a_secret_of_our_name_that_is_not_ours_is_not_read_and_another_launch_follows(
    world: World, labelled_as_ours: bool
) -> None:
    """Made by whoever can say the name: it is in the Job, too. The token is in the Secret alone."""
    job = world.enqueue("sleep")
    token = world.row("SELECT indexjob.launch_token(%s, 1) AS token", job)["token"]
    name = f"{job}-1-{sha256(token.encode()).hexdigest()[:16]}"
    labels = ours(world, job) if labelled_as_ours else {"not": "ours"}
    world.space.apply(labelled(world, "Secret", name, labels, stringData={"launch-token": "guessed"}))
    world.operate()
    world.wait(
        lambda: world.job(job)["launches"] == 2 and world.job(job)["state"] == "running", "the second launch runs"
    )
    world.steer("cancel", job)
    world.assert_gone(job)
    assert labelled_as_ours or world.space.get(f"secret/{name}")["data"]


def test_a_job_that_is_being_deleted_is_not_adopted(world: World) -> None:
    job = world.enqueue("sleep")
    dying = labelled(world, "Job", f"{job}-1", ours(world, job))
    dying["metadata"]["finalizers"] = ["indexjob.test/hold"]
    world.space.apply(dying)
    world.space("delete", f"job/{job}-1", "--wait=false")
    world.operate()
    try:
        world.wait(lambda: world.pods_of(job) and not [p for p in world.pods_of(job) if p["metadata"]["labels"]["codeindex.dev/launch"] == "1"], "its pods go")  # fmt: skip
    finally:
        world.space("patch", f"job/{job}-1", "--type=merge", "-p", '{"metadata": {"finalizers": null}}')
    world.wait(lambda: world.job(job)["launches"] >= 2 and world.job(job)["state"] == "running", "another launch runs")
    world.steer("cancel", job)
    world.assert_gone(job)


def test_strays_are_removed_after_a_while_and_never_those_of_another_database(world: World) -> None:
    nobody, other, instance = str(uuid4()), str(uuid4()), str(uuid4())
    world.space.apply(
        labelled(world, "Job", LaunchKey(uuid4(), 1).name, ours(world, nobody)),
        labelled(world, "Secret", LaunchKey(uuid4(), 1).name, ours(world, str(uuid4()))),
        labelled(world, "Job", "theirs", ours(world, other, instance=instance)),
        labelled(world, "Secret", "theirs", ours(world, other, instance=instance)),
    )
    world.operate(patience={"straySeconds": 4})
    world.wait(lambda: not world.jobs_of(nobody), "the stray Job is gone")
    world.wait(
        lambda: not world.space.list("secrets", f"{names.INSTANCE}={world.instance}"), "the stray Secret is gone"
    )
    world.wait(lambda: not world.pods_of(nobody), "and its pod")
    assert "deletionTimestamp" not in world.space.get("job/theirs")["metadata"]
    assert world.space.get("secret/theirs")


def test_an_outdated_launch_is_taken_down_by_the_sweep(world: World) -> None:
    """What an operator that was cut off made, after the row had gone on."""
    world.operate()
    job = world.enqueue("exit-65")
    world.wait_for_end(job)
    world.assert_gone(job)
    world.space.apply(labelled(world, "Job", f"{job}-0", ours(world, job, launch=0)))
    world.wait(lambda: [one["metadata"]["name"] for one in world.jobs_of(job)] == [f"{job}-1"], "it is gone")
    world.wait(
        lambda: all(p["metadata"]["labels"]["codeindex.dev/launch"] == "1" for p in world.pods_of(job)), "with its pod"
    )
