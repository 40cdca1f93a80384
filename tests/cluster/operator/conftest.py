"""A world for each test on the cluster; what it leaves behind is looked for in one place, after each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.choice import Cluster
from tests.cluster.fixtures import without
from tests.cluster.machine import builders
from tests.cluster.machine.kubectl import Kubectl
from tests.cluster.namespace import Namespace
from tests.cluster.operator import ground
from tests.cluster.operator.ground import Database, GitHost
from tests.cluster.operator.world import World
from tests.own_server import OwnServer

CRD = builders.REPOSITORY / "crds" / "indexjobs.codeindex.dev.yaml"


@pytest.fixture(scope="session")
def address(cluster: Cluster) -> str:
    """Where pods reach this machine."""
    if (found := ground.address_for_pods(cluster)) is None:
        without(f"it isn't known where pods of this cluster reach this machine: set {ground.ADDRESS}")
    return found


@pytest.fixture(scope="session")
def reachable_postgres(address: str) -> Iterator[OwnServer]:
    with ground.postgres(address) as server:
        yield server


@pytest.fixture
def reachable_database(reachable_postgres: OwnServer) -> Iterator[Database]:
    with ground.database(reachable_postgres) as made:
        yield made


@pytest.fixture
def git(address: str, tmp_path: Path) -> Iterator[GitHost]:
    with ground.git_host(address, tmp_path) as host:
        yield host


@pytest.fixture(scope="session")
def resource_definition(kubectl: Kubectl) -> None:
    """The cluster knows IndexJobs."""
    kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRD))
    kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(CRD))


@pytest.fixture
def unchecked_world(
    namespace: Namespace,
    cluster: Cluster,
    reachable_database: Database,
    git: GitHost,
    tmp_path: Path,
    project_images: dict[str, Path],
    resource_definition: None,
) -> Iterator[World]:
    """For tests that look at the end by themselves."""
    made = World(namespace, reachable_database, git, tmp_path, cluster.kubeconfig)
    yield made
    made.close()


@pytest.fixture
def world(unchecked_world: World) -> Iterator[World]:
    """After the test every row is finished as it should, nothing is left over, and no connection leaked."""
    yield unchecked_world
    if not any(operator.process.poll() is None for operator in unchecked_world.operators):
        unchecked_world.let_lease_run_out()
        unchecked_world.operate()
    unchecked_world.settle()
    unchecked_world.assert_sound()
    unchecked_world.end()
