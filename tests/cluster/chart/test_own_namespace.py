"""Installed by somebody who administers a namespace, and nothing beside it: what is missing is told to him as well."""

from __future__ import annotations

from pathlib import Path

import pytest
from helm_python import Config

from tests.cluster import rights
from tests.cluster.chart.installed import NAMED
from tests.cluster.chart.release import CHART, NAME, Release, merged

PERSON = "administrator"


@pytest.fixture
def kubeconfig(release: Release, tmp_path: Path) -> Path:
    """Kubernetes' own role `admin`, in this namespace."""
    space = release.space
    space("create", "serviceaccount", PERSON)
    space("create", "rolebinding", PERSON, "--clusterrole=admin", f"--serviceaccount={space.name}:{PERSON}")
    return rights.signed_in(space, PERSON, tmp_path).kubeconfig


def test_an_administrator_of_one_namespace_installs(release: Release, kubeconfig: Path) -> None:
    """Without the cluster's rights: the custom resource and the Roles are somebody else's."""
    values = merged(release.values, NAMED, {"rbac": False, "operator": {"replicas": 0}})
    with Config(kubeconfig_path=kubeconfig, namespace=release.space.name) as helm:
        notes = str(helm.install(CHART, NAME, values)["notes"])
        assert 'There is no Secret "db"' in notes
        assert "custom resource" not in notes, "it is there"
        helm.uninstall(NAME)
