"""The IndexJob's definition on the test cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cluster.machine.kubectl import Kubectl
from tests.cluster.namespace import Namespace
from tests.cluster.resource.world import World, mirroring
from tests.cluster.rights import Account

DEFINITION = Path(__file__).parents[3] / "crds/indexjobs.codeindex.dev.yaml"


@pytest.fixture(scope="session")
def definition(kubectl: Kubectl) -> str:
    """The name of the definition, once it is served. It stays: test runs share the cluster."""
    kubectl("apply", "--server-side", "--force-conflicts", "-f", str(DEFINITION))
    kubectl("wait", "--for=condition=Established", "crd/indexjobs.codeindex.dev", "--timeout=240s")
    return "indexjobs.codeindex.dev"


@pytest.fixture
async def world(definition: str, account: Account, namespace: Namespace, database: str) -> AsyncIterator[World]:
    async with mirroring(account.kubeconfig, namespace, database) as world:
        yield world
        assert world.leader.broken_invariants() == []
