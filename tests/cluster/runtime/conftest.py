"""A world for each test of the runtime."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.choice import Cluster
from tests.cluster.namespace import Namespace
from tests.cluster.runtime.world import World


@pytest.fixture
def world(namespace: Namespace, cluster: Cluster, database: str) -> Iterator[World]:
    """After the test every invariant of the queue holds."""
    made = World(namespace, cluster, database)
    try:
        yield made
        made.assert_sound()
    finally:
        made.close()
