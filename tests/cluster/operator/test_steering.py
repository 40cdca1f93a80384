"""Cancel, suspend, resume and delete, wherever a job stands: recorded first, and nothing of its launch is left."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster import namespace as namespaces
from tests.cluster.namespace import Namespace
from tests.cluster.operator.world import SECRET, SMALL, World

NOWHERE = {**SMALL, "nodeSelector": {"indexjob.test/nowhere": "true"}, "waitingSeconds": 600}


@pytest.fixture
def second(world: World, cluster_run: str) -> Iterator[Namespace]:
    """A user's namespace, where nothing runs."""
    with namespaces.fresh(world.space.cluster, cluster_run) as space:
        yield space


def hold(world: World) -> None:
    """Clones hang from now on, so that what runs keeps running."""
    world.git.server.mood = "stall"


def let_go(world: World) -> None:
    world.git.server.mood = "well"


def test_cancel_while_it_is_queued(world: World) -> None:
    world.repository("one")
    job = world.enqueue("one")
    world.steer("cancel", job)
    world.operate()
    after = world.enqueue("one")
    assert world.wait_for_end(after)["state"] == "completed"
    row = world.job(job)
    assert (row["state"], row["reason"], row["launches"]) == ("cancelled", "Cancelled", 0)


def test_cancel_while_its_pod_waits_for_a_node(world: World) -> None:
    world.repository("one")
    world.operate(profiles={"default": SMALL, "nowhere": NOWHERE})
    job = world.enqueue("one", profile="nowhere")
    world.wait(world.launched, "a Job")
    assert world.job(job)["state"] == "launching"
    world.steer("cancel", job)
    world.wait(lambda: not world.left_over(), "its Job is gone")
    assert world.job(job)["state"] == "cancelled"


def test_cancel_while_it_runs_frees_the_repository_for_the_next(world: World) -> None:
    world.repository("one")
    hold(world)
    world.operate()
    job = world.enqueue("one")
    world.wait_for_state(job, "running")
    after = world.enqueue("one", revision="main")
    world.steer("cancel", job)
    let_go(world)
    assert world.wait_for_end(after)["state"] == "completed"
    assert (world.job(job)["state"], world.job(job)["reason"]) == ("cancelled", "Cancelled")


def test_suspend_takes_the_run_down_and_resume_makes_a_new_launch(world: World) -> None:
    world.repository("one")
    hold(world)
    world.operate()
    world.apply("first", "one")
    job = world.job_of("first")
    world.wait_for_state(job, "running")
    world.space("patch", "indexjob", "first", "--type=merge", "-p", '{"spec": {"suspend": true}}')
    world.space.wait("indexjob/first", until="condition=Suspended")
    world.wait(lambda: not world.left_over(), "its Job is gone")
    let_go(world)
    world.space("patch", "indexjob", "first", "--type=merge", "-p", '{"spec": {"suspend": false}}')
    world.space.wait("indexjob/first", until="condition=Complete")
    row = world.job(job)
    assert (row["state"], row["launches"], row["job_name"]) == ("completed", 2, f"{job}-2")
    assert world.resource("first")["jobName"] == f"{job}-2"


def test_a_resource_that_is_applied_suspended_waits_until_it_is_resumed(world: World) -> None:
    world.repository("one")
    world.operate()
    world.apply("first", "one", suspend=True)
    world.space.wait("indexjob/first", until="condition=Suspended")
    assert world.job(world.job_of("first"))["launches"] == 0
    world.space("patch", "indexjob", "first", "--type=merge", "-p", '{"spec": {"suspend": false}}')
    world.space.wait("indexjob/first", until="condition=Complete")


def test_deleting_the_resource_cancels_what_runs(world: World) -> None:
    world.repository("one")
    hold(world)
    world.operate()
    world.apply("first", "one")
    job = world.job_of("first")
    world.wait_for_state(job, "running")
    world.space("delete", "indexjob", "first", "--timeout=240s")
    row = world.wait_for_end(job)
    assert (row["state"], row["reason"]) == ("cancelled", "Cancelled")


def test_deleting_the_resource_never_hangs_and_counts_although_no_operator_runs(world: World) -> None:
    world.repository("one")
    hold(world)
    operator = world.operate()
    world.apply("first", "one")
    job = world.job_of("first")
    world.wait_for_state(job, "running")
    operator.end()
    world.space("delete", "indexjob", "first", "--timeout=240s")
    assert world.job(job)["state"] == "running"
    world.operate()
    assert world.wait_for_end(job)["state"] == "cancelled"


def test_deleting_the_users_namespace_cancels_what_its_resources_asked_for(world: World, second: Namespace) -> None:
    """By an operator with cluster-wide rights: a Role would go with its namespace."""
    world.repository("one")
    hold(world)
    both = [world.space.name, second.name]
    widely = second.cluster.kubeconfig
    world.operate(kubeconfig=widely, watchNamespaces=both, tenants=dict.fromkeys(both, "default"))
    spec = {"repository": world.git.url("one"), "credentialsSecretRef": {"name": SECRET}}
    second.apply({"apiVersion": "codeindex.dev/v1alpha1", "kind": "IndexJob", "metadata": {"name": "x"}, "spec": spec})
    world.wait(lambda: world.rows("SELECT FROM indexjob.jobs WHERE state = 'running'"), "it runs")
    second.cluster("delete", "namespace", second.name, "--timeout=240s")
    (row,) = world.rows("SELECT id FROM indexjob.jobs")
    assert world.wait_for_end(str(row["id"]))["state"] == "cancelled"


@pytest.mark.parametrize("policy", ["background", "foreground", "orphan"])
def test_a_job_that_a_stranger_deletes_is_launched_again(world: World, policy: str) -> None:
    """Orphaned, its pod runs on: that one is gone before the next begins."""
    world.repository("one")
    hold(world)
    world.operate()
    job = world.enqueue("one")
    world.wait_for_state(job, "running")
    world.space("delete", "job", f"{job}-1", f"--cascade={policy}", "--wait=false")
    let_go(world)
    row = world.wait_for_end(job)
    assert (row["state"], row["launches"]) == ("completed", 2)


def test_a_job_that_is_deleted_while_no_operator_runs_is_launched_again(world: World) -> None:
    world.repository("one")
    hold(world)
    operator = world.operate()
    job = world.enqueue("one")
    world.wait_for_state(job, "running")
    operator.end()
    world.space("delete", "job", f"{job}-1", "--timeout=240s")
    let_go(world)
    world.operate()
    row = world.wait_for_end(job)
    assert (row["state"], row["launches"]) == ("completed", 2)


def test_a_pod_that_a_stranger_deletes_spends_one_attempt(world: World) -> None:
    world.repository("one")
    hold(world)
    world.operate()
    job = world.enqueue("one")
    world.wait_for_state(job, "running")
    let_go(world)
    world.space("delete", "pods", "-l", f"codeindex.dev/index-job={job}", "--wait=false")
    row = world.wait_for_end(job)
    assert (row["state"], row["launches"], row["attempts"]) == ("completed", 1, 2)


def test_an_eviction_spends_nothing(world: World) -> None:
    world.repository("one")
    hold(world)
    world.operate()
    job = world.enqueue("one", backoff_limit=0)
    world.wait_for_state(job, "running")
    let_go(world)
    (pod,) = world.space.list("pods", f"codeindex.dev/index-job={job}")
    name = pod["metadata"]["name"]
    eviction = f'{{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {{"name": "{name}"}}}}'
    path = f"/api/v1/namespaces/{world.space.name}/pods/{name}/eviction"
    world.space.cluster("create", "--raw", path, "-f", "-", stdin=eviction)
    assert world.wait_for_end(job)["state"] == "completed"
