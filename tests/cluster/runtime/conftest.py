"""A world for each test of the runtime."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.choice import Cluster
from tests.cluster.namespace import Namespace
from tests.cluster.rights import Account
from tests.cluster.runtime.world import World


@pytest.fixture
def world(namespace: Namespace, cluster: Cluster, account: Account, database: str) -> Iterator[World]:
    """After the test every invariant of the queue holds."""
    made = World(namespace, cluster.image, account.kubeconfig, database)
    try:
        yield made
        made.assert_sound()
    finally:
        made.close()
