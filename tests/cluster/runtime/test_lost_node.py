"""A node that is gone: no pod of it ends, and a Job would wait for it for ever."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

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


def start_on_ghost(world: World, node: str, job: str) -> None:
    """As a kubelet would say it, which there is none of."""
    world.wait(lambda: [p for p in world.pods_of(job) if p["spec"].get("nodeName") == node], "its pod is on the node")
    (pod,) = world.pods_of(job)
    began = "2026-01-01T00:00:00Z"
    clone = {
        "name": "clone",
        "ready": False,
        "restartCount": 0,
        "image": "x",
        "imageID": "",
        "state": {"running": {"startedAt": began}},
    }
    change = {"status": {"phase": "Pending", "startTime": began, "initContainerStatuses": [clone]}}
    name = f"pod/{pod['metadata']['name']}"
    world.space("patch", name, "--subresource=status", "--type=merge", "-p", json.dumps(change))
    world.wait_for(job, "running")


def on_ghost(world: World) -> dict[str, object]:
    tolerations = [{"key": GHOST, "operator": "Exists"}]
    return {"default": SMALL | {"nodeSelector": {GHOST: world.space.name}, "tolerations": tolerations}}


@pytest.mark.timeout(1800, func_only=True)
def test_a_run_whose_node_does_not_answer_is_taken_down_by_force_and_launched_again(world: World) -> None:
    """Kubernetes only says that the pod is to end, and under podReplacementPolicy Failed its Job waits for that for ever."""
    with ghost(world) as node:
        world.operate(profiles=on_ghost(world))
        job, published = world.enqueue("sleep", backoff_limit=0), world.enqueue("sleep-published")
        for one in (job, published):
            start_on_ghost(world, node, one)
        world.publish(published)
        world.wait(lambda: world.job(job)["launches"] == 2, "the launch is given up", 180)
        assert world.row("SELECT resets, failures FROM indexjob.index_jobs WHERE id = %s", job) == {
            "resets": 1,
            "failures": 0,
        }
        assert world.attempts(job)[0]["finished_at"] is not None
        assert all(p["metadata"]["labels"]["codeindex.dev/launch"] == "2" for p in world.pods_of(job)), (
            "the old pod was deleted by force"
        )
        row = world.wait_for_end(published, 60)
        assert (row["state"], row["launches"]) == ("completed", 1), (
            "what was published counts, whatever became of its node"
        )
        assert world.pods_of(published) == []
        world.steer("cancel", job)
        world.assert_gone(job)


@pytest.mark.timeout(1800, func_only=True)
def test_a_run_that_falls_silent_is_fenced_and_launched_again(world: World) -> None:
    """Where every node is silent Kubernetes gives up none of them: the heartbeat that doesn't come tells."""
    world.connection.execute("UPDATE indexjob.settings SET heartbeat_timeout = '3 seconds'")
    with ghost(world) as node:
        world.operate(profiles=on_ghost(world))
        job = world.enqueue("sleep", backoff_limit=0)
        start_on_ghost(world, node, job)
        world.connection.execute(
            "INSERT INTO indexjob.progress (job_id, launch, step, progress) VALUES (%s, 1, 'parse', 10)", (job,)
        )
        world.wait(lambda: world.job(job)["launches"] == 2, "the launch is given up", 60)
        assert world.row("SELECT resets, failures FROM indexjob.index_jobs WHERE id = %s", job) == {
            "resets": 1,
            "failures": 0,
        }
        world.steer("cancel", job)
        world.assert_gone(job)
