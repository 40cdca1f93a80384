"""A node that is gone: no pod of it ends, and a Job would wait for it for ever."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cluster.components import Components
from tests.cluster.runtime.world import SMALL, World

GHOST = "indexjob.test/ghost"
ROOM = {"cpu": "1", "memory": "1Gi", "pods": "10", "ephemeral-storage": "10Gi"}


@contextmanager
def ghost(world: World) -> Iterator[str]:
    """A node that says once that it is ready, and nothing ever after: there is no kubelet on it."""
    name = f"ghost-{world.space.name}"
    taint = {"key": GHOST, "effect": "NoSchedule"}
    about = {"name": name, "labels": {GHOST: world.space.name}}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": about, "spec": {"taints": [taint]}}
    world.space.cluster("create", "-f", "-", stdin=json.dumps(node))
    try:
        ready = {"type": "Ready", "status": "True", "reason": "Said", "message": "once"}
        status = {"capacity": ROOM, "allocatable": ROOM, "conditions": [ready]}
        world.space.cluster(
            "patch", "node", name, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status})
        )
        yield name
    finally:
        world.space.cluster("delete", "node", name, "--ignore-not-found")


@pytest.mark.timeout(400, func_only=True)
def test_a_run_whose_node_does_not_answer_is_taken_down_by_force_and_launched_again(world: World) -> None:
    """Kubernetes only says that the pod is to end, and under podReplacementPolicy Failed its Job waits for that for ever."""
    tolerations = [{"key": GHOST, "operator": "Exists"}]
    with ghost(world) as node:
        world.operate(
            profiles={"default": SMALL | {"nodeSelector": {GHOST: world.space.name}, "tolerations": tolerations}}
        )
        job = world.enqueue("sleep", backoff_limit=0)
        world.wait(
            lambda: [p for p in world.pods_of(job) if p["spec"].get("nodeName") == node], "its pod is on the node"
        )
        (pod,) = world.pods_of(job)
        state = {"name": "clone", "ready": False, "restartCount": 0, "image": "x", "imageID": "", "started": True}
        running = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
        status = {
            "phase": "Pending",
            "startTime": "2026-01-01T00:00:00Z",
            "initContainerStatuses": [{**state, "state": running}],
        }
        world.space(
            "patch",
            f"pod/{pod['metadata']['name']}",
            "--subresource=status",
            "--type=merge",
            "-p",
            json.dumps({"status": status}),
        )
        world.wait_for(job, "running")
        world.wait(lambda: world.job(job)["launches"] == 2, "the launch is given up", 180)
        assert world.row("SELECT resets, failures FROM indexjob.index_jobs WHERE id = %s", job) == {
            "resets": 1,
            "failures": 0,
        }
        assert world.attempts(job)[0]["finished_at"] is not None
        assert all(p["metadata"]["labels"]["codeindex.dev/launch"] == "2" for p in world.pods_of(job)), (
            "the old pod was deleted by force"
        )
        world.steer("cancel", job)
        world.assert_gone(job)


@pytest.mark.timeout(400, func_only=True)
def test_a_run_on_a_dead_node_is_fenced_and_launched_again(world: World, components: Components) -> None:
    """The kubelet stops. After a while Kubernetes gives the node up, the operator the pod: deleted by force, and another launch waits for a node."""
    world.operate()
    job = world.enqueue("sleep", backoff_limit=0)
    published = world.enqueue("sleep-published")
    for one in (job, published):
        world.wait_for(one, "running")
    world.publish(published)
    with components.without("kubelet"):
        world.wait(lambda: world.job(job)["launches"] == 2, "the launch is given up", 180)
        world.wait_for_end(published, 60)
        first = world.attempts(job)[0]
        assert first["launch"] == 1
        assert [one["metadata"]["name"] for one in world.jobs_of(job)] in ([], [f"{job}-2"])
        assert world.row("SELECT resets, failures FROM indexjob.index_jobs WHERE id = %s", job) == {
            "resets": 1,
            "failures": 0,
        }
        assert world.job(published)["state"] == "completed"
    world.wait_for(job, "running", seconds=120)
    world.steer("cancel", job)
    world.assert_gone(job)
