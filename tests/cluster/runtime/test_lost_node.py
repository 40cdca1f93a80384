"""A node that is gone: no pod of it ends, and a Job would wait for it for ever."""

from __future__ import annotations

import pytest

from tests.cluster.components import Components
from tests.cluster.runtime.world import World


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
