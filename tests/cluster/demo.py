"""`make demo-cluster`: the whole product on a real cluster, from nothing, told line by line.

One IndexJob is applied, one row is written; both run as Jobs, with the operator in a pod. All of it is gone in the end, but for a cluster that
`make cluster` booted.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.cluster import choice, rights, sharing
from tests.cluster import namespace as namespaces
from tests.cluster.conftest import CRD
from tests.cluster.machine import builders
from tests.cluster.machine.commands import UnfitError
from tests.cluster.machine.kubectl import Kubectl
from tests.cluster.machine.place import Place
from tests.cluster.operator import ground, pod
from tests.cluster.operator.world import FINISHED, SMALL, World

PATIENCE_SECONDS = 600
GENEROUS = {**SMALL, "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "2Gi"}}}


def main() -> None:
    """Raises UnfitError with what this machine lacks."""
    with ExitStack() as stack:
        tell("a cluster")
        stack.enter_context(sharing.turn(Place(), alone=False))
        cluster = stack.enter_context(choice.cluster())
        address = ground.address_for_pods(cluster)
        if address is None:
            raise UnfitError(f"say at which address pods of this cluster reach this machine: {ground.ADDRESS}")
        if cluster.load is None:
            raise UnfitError("images can't be brought to this cluster")
        tell("both images (some minutes the first time)")
        for archive in builders.build().values():
            cluster.load(archive)
        kubectl = Kubectl(cluster.kubeconfig)
        kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRD))
        kubectl("wait", "--for=condition=Established", "--timeout=240s", "-f", str(CRD))
        tell("a Postgres and a git server that pods reach")
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="indexjob-demo-")))
        database = stack.enter_context(ground.database(stack.enter_context(ground.postgres(address))))
        git = stack.enter_context(ground.git_host(address, folder))
        clone = ["git", "clone", "--quiet", "--bare", str(builders.REPOSITORY), str(git.server.root / "indexjob.git")]
        subprocess.run(clone, check=True)
        space = stack.enter_context(namespaces.fresh(kubectl, "demo"))
        world = World(space, database, git, folder, cluster.kubeconfig)
        stack.callback(world.close)
        world.repository("small")
        tell(f"an operator in the namespace {space.name}")
        settings = world.settings(profiles={"default": GENEROUS})
        urls = {f"{who}-url": database.logins[who] for who in ("operator", "worker")}
        space.apply(*rights.manifests(space.name), *pod.manifests(space.name, settings, urls))
        kubectl("-n", space.name, "rollout", "status", f"deployment/{pod.NAME}", "--timeout=240s")
        tell("kubectl apply of an IndexJob for this very repository, and SELECT indexjob.enqueue(…) for a small one")
        world.apply("demo", "indexjob")
        world.enqueue("small")
        watch(world)
        print(space("get", "indexjobs,jobs,pods", "-o", "wide"))
        show_index(world)


def watch(world: World) -> None:
    """Tells each change until both have ended."""
    began, seen = time.monotonic(), dict[str, str]()
    while time.monotonic() - began < PATIENCE_SECONDS:
        rows = world.rows(
            "SELECT id::text, repository, state, step, progress, reason, message FROM indexjob.jobs ORDER BY repository"
        )
        for row in rows:
            step = f"{row['step']} {row['progress']}%" if row["step"] else ""
            now = "  ".join(filter(None, (f"{row['state']:<10}", step, row["reason"], row["message"])))
            if seen.get(row["id"]) != now:
                seen[row["id"]] = now
                print(
                    f"{time.monotonic() - began:6.1f} s  {row['repository'].rsplit('/', 1)[1]:<10}  {now}", flush=True
                )
        if len(rows) == 2 and all(row["state"] in FINISHED for row in rows):  # the IndexJob's, and the other
            world.space.wait("indexjob/demo", until="jsonpath={.status.completionTime}")
            return
        time.sleep(0.2)
    raise UnfitError(f"it didn't end within {PATIENCE_SECONDS} s:\n{world.story()}")


def show_index(world: World) -> None:
    """A look into what was made."""
    for row in world.rows("SELECT repository, state, stats FROM indexjob.jobs ORDER BY repository"):
        print(f"{row['repository'].rsplit('/', 1)[1]}: {row['state']}, {row['stats']}")
    for row in world.rows("SELECT path, line, kind, signature FROM indexjob.find_definitions('Reconciler') LIMIT 5"):
        print(f"{row['path']}:{row['line']}  {row['kind']}  {row['signature']}")


def tell(what: str) -> None:
    print(f"== {what}", file=sys.stderr, flush=True)
