"""Helm, a namespace to install into, and the images that it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helm_python import Config

from tests.cluster.chart import postgres_image
from tests.cluster.chart.installed import SECRET, Installed, urls
from tests.cluster.chart.release import Release, small
from tests.cluster.choice import Cluster
from tests.cluster.fixtures import without
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
    namespace: Namespace, cluster: Cluster, project_images: dict[str, Path], resource_definition: None
) -> Iterator[Release]:
    """Not installed yet; gone after the test."""
    namespace.cluster("label", "namespace", namespace.name, "pod-security.kubernetes.io/enforce=restricted")
    with Config(kubeconfig_path=cluster.kubeconfig, namespace=namespace.name) as helm:
        made = Release(namespace, helm, small(namespace))
        yield made
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
    release: Release, reachable_database: Database, git: GitHost, credentials: Callable[..., None]
) -> Installed:
    """Ready to work."""
    credentials(**urls(reachable_database))
    about = {
        "name": SECRET,
        "labels": {"codeindex.dev/credential": "true"},
        "annotations": {"codeindex.dev/hosts": git.address, "codeindex.dev/tenants": "default"},
    }
    data = {"username": git.user, "password": git.password, "ca.crt": git.authority}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": about, "type": "kubernetes.io/basic-auth"}
    release.space.apply({**secret, "stringData": data})
    made = Installed(release, reachable_database, git)
    notes = release.install(*made.values)
    assert "MISSING" not in notes
    assert "NOTE" not in notes
    release.wait_until_ready()
    return made
