"""The ground of the subjects on a cluster: the tests' own one, and on it the real operator, as a process of this machine.

Each has a turn there beside test runs, a namespace, and a Postgres that is durable (as Postgres comes) and that pods reach. All of it is gone in the end.
"""

from __future__ import annotations

import secrets
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from prometheus_client.parser import text_string_to_metric_families

from bench.figures import NotMeasuredError
from tests.cluster import choice, sharing
from tests.cluster import namespace as namespaces
from tests.cluster.choice import Cluster
from tests.cluster.conftest import CRD
from tests.cluster.machine.commands import UnfitError
from tests.cluster.machine.kubectl import Kubectl
from tests.cluster.machine.place import Place
from tests.cluster.operator import ground as grounds
from tests.cluster.operator.world import SMALL, Operator, World

Manifest = dict[str, Any]

DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
GONE_SECONDS = 300
SERVED = {"sweepSeconds": 30, "leaseSeconds": 15}
"""As an operator has it that nobody sets."""
AT_ONCE = {**SMALL, "resources": {"requests": {"cpu": "1m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}}}
"""A profile of pods that are there for a moment, as many at once as the node takes."""
NOWHERE = {**AT_ONCE, "nodeSelector": {"indexjob.bench/node": "none"}, "waitingSeconds": 3600}
"""A profile of pods that no node takes."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a subject is measured."""

    world: World
    cluster: Cluster

    def operate(self, command: tuple[str, ...] = (), **changed: Any) -> Operator:
        """The operator, once it leads. With a command, its workers are pods of the tests' own image that run it."""
        worker = {"worker": {"image": self.cluster.image, "command": list(command)}} if command else {}
        operator = self.world.operate(**{"queue": SERVED, **worker, **changed})
        self.world.wait(lambda: operator.said("elected"), "an operator leads")
        return operator

    def enqueue(self, count: int) -> None:
        """So many rows, each of a repository of its own, in one transaction."""
        query = "SELECT count(indexjob.enqueue('https://example.org/team/r' || gen_random_uuid())) FROM generate_series(1, %s)"
        with psycopg.connect(self.world.database.admin) as producer:
            producer.execute(query, (count,))

    def count(self, condition: str) -> int:
        """Of the rows, how many."""
        (row,) = self.world.rows(f"SELECT count(*) AS rows FROM indexjob.index_jobs WHERE {condition}")
        return int(row["rows"])


@contextmanager
def ground() -> Iterator[Ground]:
    """A ground of its own.

    Raises:
        NotMeasuredError: no cluster can be had here, or not one that will do.
    """
    with ExitStack() as stack:
        try:
            print("waiting for a turn on the cluster, and for the cluster", file=sys.stderr, flush=True)
            stack.enter_context(sharing.turn(Place(), alone=False))
            cluster = stack.enter_context(choice.cluster())
        except (UnfitError, OSError) as why:
            raise NotMeasuredError(f"no cluster can be had: {why}") from why
        address = grounds.address_for_pods(cluster)
        if address is None:
            raise NotMeasuredError(f"say at which address pods of this cluster reach this machine: {grounds.ADDRESS}")
        kubectl = Kubectl(cluster.kubeconfig)
        kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRD))
        kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(CRD))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="indexjob-bench-")))
        server = stack.enter_context(grounds.postgres(address, **DURABLE))
        database = stack.enter_context(grounds.database(server))
        git = stack.enter_context(grounds.git_host(address, folder))
        run = f"bench-{secrets.token_hex(4)}"
        stack.callback(namespaces.removed, kubectl, run, GONE_SECONDS)
        space = stack.enter_context(namespaces.fresh(kubectl, run))
        world = World(space, database, git, folder, cluster.kubeconfig)
        print("measuring", file=sys.stderr, flush=True)
        stack.callback(world.close)
        yield Ground(world, cluster)


def shown(operator: Operator) -> dict[tuple[str, ...], float]:
    """Its metrics: by name and the labels' values."""
    with urllib.request.urlopen(f"http://127.0.0.1:{operator.port}/metrics") as page:
        text = page.read().decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def memory_mib(operator: Operator, what: str = "VmRSS") -> float:
    """What it holds now (or `VmHWM`, at the most)."""
    for line in Path(f"/proc/{operator.process.pid}/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) / 1024
    raise subprocess.SubprocessError(f"the operator has ended: {operator.log[-20:]}")
