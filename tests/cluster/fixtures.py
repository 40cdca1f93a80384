"""pytest's fixtures of the cluster, for every test that wants one: a plugin, so that one run has one cluster."""

import os
import secrets
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from tests.cluster import choice, proxy, sharing
from tests.cluster import namespace as namespaces
from tests.cluster.audit import Audit
from tests.cluster.choice import Cluster
from tests.cluster.components import Components
from tests.cluster.machine import builders, toolchain
from tests.cluster.machine.commands import NoClusterError
from tests.cluster.machine.kubectl import Kubectl
from tests.cluster.machine.place import Place
from tests.cluster.namespace import Namespace


def without(reason: str) -> NoReturn:
    """Skips the test, with the sentence that says why; in CI that is a failure, for there all can be had."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"skipped, which CI doesn't take: {reason}", pytrace=False)
    pytest.skip(reason)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The clock of a test on a cluster begins when it has its turn there: a new machine builds Kubernetes first."""
    for item in items:
        if "cluster" in getattr(item, "fixturenames", ()):
            own_time = item.get_closest_marker("timeout")
            seconds = own_time.args[0] if own_time else 1200
            item.add_marker(pytest.mark.timeout(seconds, func_only=True), append=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Test processes share the machine's cluster; while a test stops a part of it, the tests of others wait.

    From before its first fixture to after its last, those of the session included: they ask the API server too.
    """
    names = getattr(item, "fixturenames", ())
    if "cluster" not in names or not choice.can_be_had():
        return (yield)
    with sharing.turn(Place(), alone="components" in names):
        return (yield)


@contextmanager
def chosen() -> Iterator[Cluster]:
    """A cluster, or no test."""
    with ExitStack() as stack:
        try:
            found = stack.enter_context(choice.cluster())
        except NoClusterError as why:
            without(f"no cluster can be had: {why}")
        yield found


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One real Kubernetes for the whole run: the machine's own, kind, or the one that is named."""
    with chosen() as found:
        yield found


@pytest.fixture(scope="session")
def kubectl(cluster: Cluster) -> Kubectl:
    return Kubectl(cluster.kubeconfig)


@pytest.fixture(scope="session")
def cluster_run(kubectl: Kubectl) -> Iterator[str]:
    """The label of this run's namespaces; they are gone when it ends."""
    run = secrets.token_hex(4)
    yield run
    assert namespaces.removed(kubectl, run), "namespaces of this test run are still there"


@pytest.fixture
def namespace(kubectl: Kubectl, cluster_run: str) -> Iterator[Namespace]:
    """A namespace for this test alone."""
    with namespaces.fresh(kubectl, cluster_run) as space:
        yield space


@pytest.fixture
def components(cluster: Cluster) -> Iterator[Components]:
    """Stops and restarts the control plane's parts; what is still stopped after the test is started again."""
    if cluster.components is None:
        without("only the machine's own cluster lets tests stop its components")
    yield cluster.components
    cluster.components.mend()


@pytest.fixture
def audit(cluster: Cluster) -> Audit:
    """The audit log from here on."""
    if cluster.audit_log is None:
        without("this cluster's audit log is out of reach")
    return Audit(cluster.audit_log)


@pytest.fixture
def api_proxy(
    request: pytest.FixtureRequest, cluster: Cluster, tmp_path: Path
) -> Iterator[tuple[proxy.ApiProxy, Path]]:
    """A proxy that cuts, slows or freezes, and the kubeconfig that leads through it to the API server: the operators' own, where there are any."""
    operators = "account" in request.fixturenames
    who: Path = request.getfixturevalue("account").kubeconfig if operators else cluster.kubeconfig
    with proxy.before(who, tmp_path) as both:
        yield both


@pytest.fixture(scope="session")
def project_images(cluster: Cluster, testrun_uid: str) -> dict[str, Path]:
    """The operator's and the worker's images, built from the work tree and brought to the cluster: their archives."""
    if cluster.load is None:
        without("images can't be brought to this cluster")
    archives = builders.archives()
    built_for = next(iter(archives.values())).with_name("test-run")
    with toolchain.only_one("images"):
        if not built_for.exists() or built_for.read_text() != testrun_uid:  # the first process of this run
            for archive in builders.build().values():
                cluster.load(archive)
            built_for.write_text(testrun_uid)
    return archives
