"""Parts of the ground go away while something runs, and come back: nothing is lost, doubled or left behind."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import urllib3
from psycopg import conninfo

from indexjob_operator import names
from tests.cluster.choice import Cluster
from tests.cluster.components import Components
from tests.cluster.conftest import CRD
from tests.cluster.fixtures import without
from tests.cluster.machine.commands import run
from tests.cluster.machine.kubectl import Kubectl
from tests.cluster.operator.world import Operator, World

UNREACHABLE_SECONDS = 60


def ready(operator: Operator) -> tuple[int, str]:
    """What /readyz says."""
    answer = urllib3.request("GET", f"http://127.0.0.1:{operator.port}/readyz", retries=False, timeout=5)
    return answer.status, answer.data.decode()


def alive(operator: Operator) -> int:
    return urllib3.request("GET", f"http://127.0.0.1:{operator.port}/livez", retries=False, timeout=5).status


def is_the_same_process(operator: Operator) -> None:
    assert operator.process.poll() is None, "\n".join(operator.log[-40:])


@pytest.mark.parametrize("name", ["apiserver", "etcd", "controller-manager", "kubelet"])
def test_a_part_of_the_control_plane_restarts_while_a_job_runs(world: World, components: Components, name: str) -> None:
    world.repository("one")
    world.repository("two")
    world.git.server.hold()
    operator = world.operate()
    world.apply("first", "one")
    job = world.job_of("first")
    world.wait_for_state(job, "running")
    components.crash(name)
    second = world.enqueue("two")
    components.start(name)
    world.git.server.let_go()
    third = world.enqueue("two", revision="main")
    world.space.wait("indexjob/first", until="condition=Complete")
    for each in (second, third):
        assert world.wait_for_end(each)["state"] in ("completed", "skipped")
    assert world.job(job)["launches"] == 1
    is_the_same_process(operator)


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_postgres_restarts_while_a_job_runs(world: World, how: str) -> None:
    world.repository("one")
    world.git.server.hold()
    operator = world.operate()
    job = world.enqueue("one")
    world.wait_for_state(job, "running")
    world.restart_postgres(how)
    world.git.server.let_go()
    assert world.wait_for_end(job)["state"] == "completed"
    is_the_same_process(operator)


@contextmanager
def silenced(address: str) -> Iterator[None]:
    """As if its node had lost power: nothing comes from there, and nothing arrives."""
    table = "indexjob-silence"
    rules = f"""table inet {table} {{
        chain from {{ type filter hook input priority -400; ip saddr {address} drop; }}
        chain to {{ type filter hook output priority -400; ip daddr {address} drop; }}
    }}"""
    run("nft", "-f", "-", stdin=rules)
    try:
        yield
    finally:
        run("nft", "delete", "table", "inet", table)


def test_a_worker_that_is_gone_without_a_word_keeps_no_session_and_no_lock(world: World, cluster: Cluster) -> None:
    if cluster.components is None:
        without("the packets of a pod can be dropped on the machine's own cluster alone")
    world.repository("one")
    world.operate()
    sessions = "SELECT pid, wait_event_type FROM pg_stat_activity WHERE usename = %s"
    worker = str(conninfo.conninfo_to_dict(world.database.logins["worker"])["user"])
    with psycopg.connect(world.database.admin) as holding:
        holding.execute("LOCK TABLE indexjob.content")
        job = world.enqueue("one")
        waits = sessions + " AND wait_event_type = 'Lock'"
        world.wait(lambda: world.rows(waits, worker), "its worker waits to store")
        (pod,) = world.space.list("pods", names.INDEX_JOB)
        with silenced(pod["status"]["podIP"]):
            holding.rollback()
            world.wait(lambda: not world.rows(sessions, worker), "its sessions have ended")
    assert world.wait_for_end(job)["state"] == "completed"


def test_postgres_is_unreachable_for_a_minute(world: World) -> None:
    world.repository("one")
    world.repository("two")
    operator = world.operate()
    world.wait(lambda: operator.said("elected"), "it leads")
    job = world.enqueue("one")
    world.wait(world.launched, "a Job")
    with world.without_postgres():
        began = time.monotonic()
        world.wait(lambda: ready(operator)[0] == 503, "it says that it can't serve")
        assert "the database" in ready(operator)[1]
        time.sleep(max(0.0, UNREACHABLE_SECONDS - (time.monotonic() - began)))
        assert alive(operator) == 200
        is_the_same_process(operator)
    world.wait(lambda: ready(operator)[0] == 200, "it serves again")
    second = world.enqueue("two")
    assert world.wait_for_end(second)["state"] == "completed"
    assert world.wait_for_end(job)["state"] == "completed"
    is_the_same_process(operator)


def test_an_operator_waits_for_a_database_without_a_schema_and_says_so(world: World) -> None:
    world.repository("one")
    with world.without_schema():
        operator = world.operate()
        world.wait(lambda: operator.said("database-unusable"), "it says what it waits for")
        assert "no IndexJob schema" in operator.said("database-unusable")[0]["message"]
        assert ready(operator)[0] == 503
        assert alive(operator) == 200
    job = world.enqueue("one")
    assert world.wait_for_end(job)["state"] == "completed"
    is_the_same_process(operator)


@pytest.fixture
def no_definition(world: World, components: Components, kubectl: Kubectl) -> Iterator[Path]:
    """The cluster doesn't know IndexJobs; no other run is on it meanwhile."""
    kubectl("delete", "-f", str(CRD), "--timeout=240s")
    try:
        yield CRD
    finally:
        kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRD))
        kubectl("wait", "--for=condition=Established", "--timeout=240s", "-f", str(CRD))


def test_the_definition_comes_after_the_operator_and_goes_before_it(
    world: World, no_definition: Path, kubectl: Kubectl
) -> None:
    """Rows are served meanwhile; the operator says what it waits for."""
    world.repository("one")
    world.repository("two")
    operator = world.operate()
    world.wait(lambda: operator.said("resource-missing"), "it says what it waits for")
    assert world.wait_for_end(world.enqueue("one"))["state"] == "completed"
    assert "CustomResourceDefinition" in ready(operator)[1]
    kubectl("apply", "--server-side", "-f", str(no_definition))
    kubectl("wait", "--for=condition=Established", "--timeout=240s", "-f", str(no_definition))
    world.apply("first", "two")
    world.space.wait("indexjob/first", until="condition=Complete")
    world.wait(lambda: ready(operator)[0] == 200, "it is ready")
    kubectl("delete", "-f", str(no_definition), "--timeout=240s")
    world.wait(lambda: ready(operator)[0] == 503, "it notices")
    assert world.wait_for_end(world.enqueue("one", revision="main"))["state"] in ("completed", "skipped")
    kubectl("apply", "--server-side", "-f", str(no_definition))
    kubectl("wait", "--for=condition=Established", "--timeout=240s", "-f", str(no_definition))
    world.apply("again", "two")
    world.space.wait("indexjob/again", until="condition=Complete")
    is_the_same_process(operator)
