"""What tests of the operator stand on, whatever starts it: a Postgres and a git server that pods reach, and a cluster that knows IndexJobs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import rights, surplus
from tests.cluster.choice import Cluster
from tests.cluster.fixtures import without
from tests.cluster.machine import builders
from tests.cluster.machine.kubectl import Kubectl
from tests.cluster.namespace import Namespace
from tests.cluster.operator import ground
from tests.cluster.operator.ground import Database, GitHost
from tests.cluster.rights import Account
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
    kubectl("wait", "--for=condition=Established", "--timeout=240s", "-f", str(CRD))


@pytest.fixture
def refusals() -> None:
    """For a test that takes rights away: what the operator asks for without them fails nothing."""


@pytest.fixture
def account(
    request: pytest.FixtureRequest, cluster: Cluster, namespace: Namespace, tmp_path: Path
) -> Iterator[Account]:
    """Who the test's operators are, with the chart's own Roles: after the test, nothing that they asked for was refused."""
    watched = rights.watched(cluster, namespace.name, request.config.stash[surplus.USED])
    yield rights.account(namespace, tmp_path)
    # An API server that has just begun knows no Roles yet.
    watched.look(forgiving=not {"components", "refusals"}.isdisjoint(request.fixturenames))
