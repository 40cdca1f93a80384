"""Helm, a namespace to install into, and the images that it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helm_python import Config

from tests.cluster import rights, surplus
from tests.cluster.chart import postgres_image
from tests.cluster.chart.installed import Installed, git_secret, urls
from tests.cluster.chart.release import CHART, Release, small
from tests.cluster.choice import Cluster
from tests.cluster.components import Components
from tests.cluster.conftest import CRD
from tests.cluster.fixtures import without
from tests.cluster.machine.kubectl import Kubectl
from tests.cluster.namespace import Manifest, Namespace
from tests.cluster.operator.ground import Database, GitHost

TRIAL: Manifest = {"database": {"trial": {"enabled": True, "image": postgres_image.NAME, "user": postgres_image.USER}}}


@pytest.fixture(scope="session")
def postgres_pod_image(cluster: Cluster) -> None:
    """The nodes have an image with Postgres."""
    if cluster.load is None:
        without("images can't be brought to this cluster")
    cluster.load(postgres_image.archive())


@pytest.fixture
def release(
    request: pytest.FixtureRequest,
    namespace: Namespace,
    cluster: Cluster,
    project_images: dict[str, Path],
    resource_definition: None,
) -> Iterator[Release]:
    """Not installed yet; gone after the test."""
    namespace.cluster("label", "namespace", namespace.name, "pod-security.kubernetes.io/enforce=restricted")
    with Config(kubeconfig_path=cluster.kubeconfig, namespace=namespace.name) as helm:
        watched = rights.watched(cluster, namespace.name, request.config.stash[surplus.USED])
        made = Release(namespace, helm, small(namespace), watched)
        yield made
        made.look()
        helm.uninstall("indexjob", ignore_not_found=True)


@pytest.fixture
def credentials(namespace: Namespace) -> Callable[..., None]:
    """Makes or changes the Secret with the database's URLs."""

    def make(name: str = "db", **urls: str) -> None:
        about = {"name": name, "namespace": namespace.name}
        data = {key.replace("_", "-"): url for key, url in urls.items()}
        namespace.apply({"apiVersion": "v1", "kind": "Secret", "metadata": about, "stringData": data})

    return make


@pytest.fixture
def installed(
    request: pytest.FixtureRequest,
    release: Release,
    reachable_database: Database,
    git: GitHost,
    credentials: Callable[..., None],
) -> Installed:
    """Ready to work: the present chart, or the one that the test names."""
    credentials(**urls(reachable_database))
    release.space.apply(git_secret(git))
    made = Installed(release, reachable_database, git)
    notes = release.install(*made.values, chart=getattr(request, "param", CHART))
    assert "MISSING" not in notes
    assert "NOTE" not in notes
    release.wait_until_ready()
    return made


@pytest.fixture
def without_definition(kubectl: Kubectl, components: Components, release: Release) -> Iterator[None]:
    """As on a new cluster, for this test alone; afterwards it is there as before."""
    kubectl("delete", "-f", str(CRD), "--wait")
    yield
    kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRD))
    kubectl("wait", "--for=condition=Established", "--timeout=240s", "-f", str(CRD))
