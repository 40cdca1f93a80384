"""A world for each test on the cluster; what it leaves behind is looked for in one place, after each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.namespace import Namespace
from tests.cluster.operator.ground import Database, GitHost
from tests.cluster.operator.world import World
from tests.cluster.rights import Account


@pytest.fixture
def unchecked_world(
    namespace: Namespace,
    account: Account,
    reachable_database: Database,
    git: GitHost,
    tmp_path: Path,
    project_images: dict[str, Path],
    resource_definition: None,
) -> Iterator[World]:
    """For tests that look at the end by themselves."""
    made = World(namespace, reachable_database, git, tmp_path, account.kubeconfig)
    yield made
    made.close()


@pytest.fixture
def world(unchecked_world: World) -> Iterator[World]:
    """After the test every row is finished as it should, nothing is left over, and no connection leaked."""
    yield unchecked_world
    if not any(operator.process.poll() is None for operator in unchecked_world.operators):
        unchecked_world.let_lease_run_out()
        last = unchecked_world.operate()
        unchecked_world.wait(lambda: last.said("elected"), "an operator leads")
    unchecked_world.settle()
    unchecked_world.assert_sound()
    unchecked_world.end()
