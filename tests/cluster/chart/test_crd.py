"""The custom resource comes, is upgraded and stays or goes with the chart. The cluster has one: no other test may run meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.cluster.chart.installed import NAMED
from tests.cluster.chart.release import Release
from tests.cluster.components import Components
from tests.cluster.conftest import CRD
from tests.cluster.machine.commands import CommandFailedError
from tests.cluster.machine.kubectl import Kubectl
from tests.cluster.namespace import Manifest

NAME = "crd/indexjobs.codeindex.dev"
QUIET: Manifest = {"operator": {"replicas": 0}}
EXAMPLE = {
    "apiVersion": "codeindex.dev/v1alpha1",
    "kind": "IndexJob",
    "metadata": {"name": "kept"},
    "spec": {"repository": "https://sample.invalid/indexjob"},
}


@pytest.fixture
def without_definition(kubectl: Kubectl, components: Components, release: Release) -> Iterator[None]:
    """As on a new cluster; afterwards it is there as before."""
    kubectl("delete", NAME, "--wait")
    yield
    kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRD))
    kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(CRD))


@pytest.mark.usefixtures("without_definition")
def test_it_comes_is_upgraded_and_stays_or_goes(release: Release, kubectl: Kubectl) -> None:
    def install(keep: bool, how: str = "install") -> None:
        getattr(release, how)(NAMED, QUIET, {"crds": {"install": True, "keep": keep}})

    install(keep=True)
    kubectl("wait", "--for=condition=Established", "--timeout=30s", NAME)
    release.space.apply(EXAMPLE)
    release.uninstall()
    assert release.space.get("indexjob/kept")["spec"]["repository"] == "https://sample.invalid/indexjob"

    without_columns = '[{"op": "remove", "path": "/spec/versions/0/additionalPrinterColumns"}]'
    kubectl("patch", NAME, "--type=json", "-p", without_columns)  # as an older release had it
    install(keep=True)
    definition = json.loads(kubectl("get", NAME, "-o", "json"))
    assert "additionalPrinterColumns" in definition["spec"]["versions"][0]
    assert release.space.get("indexjob/kept")

    install(keep=False, how="upgrade")
    release.uninstall()
    kubectl("wait", NAME, "--for=delete", "--timeout=60s")


@pytest.mark.usefixtures("without_definition")
def test_one_that_was_installed_otherwise_is_adopted_as_the_page_says(release: Release, kubectl: Kubectl) -> None:
    kubectl("apply", "-f", str(CRD))
    with pytest.raises(Exception, match="cannot be imported into the current release"):
        release.install(NAMED, QUIET, {"crds": {"install": True}})
    kubectl("label", NAME, "app.kubernetes.io/managed-by=Helm")
    about = (f"meta.helm.sh/release-namespace={release.space.name}", "meta.helm.sh/release-name=indexjob")
    kubectl("annotate", NAME, *about)
    release.helm.uninstall("indexjob", ignore_not_found=True)
    release.install(NAMED, QUIET, {"crds": {"install": True}})
    release.uninstall()
    assert kubectl("get", NAME)
    with pytest.raises(CommandFailedError):
        release.space("get", "configmap/indexjob-settings")
