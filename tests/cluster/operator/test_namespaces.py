"""Several namespaces are watched, and one of them goes: with it go its IndexJobs, and the operator's right to look at what is left of them."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator

import pytest

from tests.cluster import namespace as namespaces
from tests.cluster import rights
from tests.cluster.machine.kubectl import Kubectl
from tests.cluster.namespace import Manifest, Namespace
from tests.cluster.operator.world import SECRET, Operator, World


@pytest.fixture
def other(kubectl: Kubectl, cluster_run: str) -> Iterator[Namespace]:
    """A user's namespace, beside the one that is everything else's."""
    with namespaces.fresh(kubectl, cluster_run) as space:
        yield space


def let_in(world: World, space: Namespace) -> None:
    """What the chart grants the operator in a namespace that is watched, for the operator of the world's own."""
    told = [one for one in rights.manifests(space.name) if one["metadata"]["name"].endswith("-index-jobs")]
    for binding in told:
        for subject in binding.get("subjects", ()):
            subject["namespace"] = world.space.name
    assert {one["kind"] for one in told} == {"Role", "RoleBinding"}
    space.apply(*told)


def index_job(world: World, name: str, **spec: object) -> Manifest:
    whole = {"repository": world.git.url(name), "credentialsSecretRef": {"name": SECRET}, **spec}
    return {"apiVersion": "codeindex.dev/v1alpha1", "kind": "IndexJob", "metadata": {"name": name}, "spec": whole}


def operate(world: World, other: Namespace) -> Operator:
    both = [world.space.name, other.name]
    return world.operate(watchNamespaces=both, tenants=dict.fromkeys(both, "default"))


def listed(space: Namespace) -> dict[str, Manifest]:
    return {
        one["metadata"]["name"]: one.get("status", {}) for one in json.loads(space("get", "ij", "-o", "json"))["items"]
    }


@pytest.mark.usefixtures("refusals")
def test_a_watched_namespace_is_deleted(world: World, other: Namespace) -> None:
    """What its IndexJobs asked for is cancelled; the other namespace is served on, by the next operator, too, and this one again once it is back."""
    let_in(world, other)
    operator = operate(world, other)
    for name in ("waits", "stays", "later"):
        world.repository(name)
    other.apply(index_job(world, "waits", suspend=True))
    other.wait("ij/waits", until="condition=Suspended")
    waits = listed(other)["waits"]["jobId"]

    other.cluster("delete", "namespace", other.name, "--timeout=240s")
    world.wait_for_state(waits, "cancelled")
    world.space.apply(index_job(world, "stays"))
    world.space.wait("ij/stays", until="condition=Complete")

    assert operator.end(signal.SIGTERM) == 0
    operator = operate(world, other)
    world.space.apply(index_job(world, "later"))
    world.space.wait("ij/later", until="condition=Complete")
    world.wait(lambda: operator.said("namespace-unreadable"), "the operator says which one can't be read")
    assert other.name in operator.said("namespace-unreadable")[0]["message"]

    other.cluster("create", "namespace", other.name)
    let_in(world, other)
    other.apply(index_job(world, "stays"))
    other.wait("ij/stays", until="condition=Complete")
    world.wait(lambda: operator.said("watch-grows"), "it is watched, too")
    world.settle()
    world.assert_sound()
