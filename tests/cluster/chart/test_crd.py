"""The custom resource comes, is upgraded and stays or goes with the chart. The cluster has one: no other test may run meanwhile."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tests.cluster.chart.installed import NAMED
from tests.cluster.chart.release import CHART, Release
from tests.cluster.conftest import CRD
from tests.cluster.machine.commands import CommandFailedError
from tests.cluster.machine.kubectl import Kubectl
from tests.cluster.namespace import Manifest

NAME = "crd/indexjobs.codeindex.dev"
QUIET: Manifest = {"operator": {"replicas": 0}}
INSTALLED: Manifest = {"crds": {"install": True}}
EXAMPLE = {
    "apiVersion": "codeindex.dev/v1alpha1",
    "kind": "IndexJob",
    "metadata": {"name": "kept"},
    "spec": {"repository": "https://sample.invalid/indexjob"},
}


def without_columns(folder: Path) -> Path:
    """The chart as an older release may have had it."""
    older = Path(shutil.copytree(CHART, folder / CHART.name))
    file = older / "files" / CRD.name
    definition = yaml.safe_load(file.read_text())
    del definition["spec"]["versions"][0]["additionalPrinterColumns"]
    file.write_text(yaml.safe_dump(definition))
    return older


@pytest.mark.usefixtures("without_definition")
def test_it_comes_is_upgraded_and_stays_or_goes(release: Release, kubectl: Kubectl, tmp_path: Path) -> None:
    def columns() -> bool:
        definition = json.loads(kubectl("get", NAME, "-o", "json"))
        return "additionalPrinterColumns" in definition["spec"]["versions"][0]

    release.install(NAMED, QUIET, INSTALLED, chart=without_columns(tmp_path))
    kubectl("wait", "--for=condition=Established", "--timeout=240s", NAME)
    assert not columns()
    release.space.apply(EXAMPLE)
    release.upgrade(NAMED, QUIET, INSTALLED)
    assert columns()
    release.uninstall()
    assert release.space.get("indexjob/kept")["spec"]["repository"] == "https://sample.invalid/indexjob"

    release.install(NAMED, QUIET, INSTALLED)
    release.upgrade(NAMED, QUIET, INSTALLED, {"crds": {"keep": False}})
    assert release.space.get("indexjob/kept")
    release.uninstall()
    kubectl("wait", NAME, "--for=delete", "--timeout=240s")


@pytest.mark.usefixtures("without_definition")
def test_one_that_was_installed_otherwise_is_adopted_as_the_page_says(release: Release, kubectl: Kubectl) -> None:
    kubectl("apply", "-f", str(CRD))
    with pytest.raises(Exception, match="cannot be imported into the current release"):
        release.install(NAMED, QUIET, INSTALLED)
    kubectl("label", NAME, "app.kubernetes.io/managed-by=Helm")
    about = (f"meta.helm.sh/release-namespace={release.space.name}", "meta.helm.sh/release-name=indexjob")
    kubectl("annotate", NAME, *about)
    release.helm.uninstall("indexjob", ignore_not_found=True)
    release.install(NAMED, QUIET, INSTALLED)
    release.uninstall()
    assert kubectl("get", NAME)
    with pytest.raises(CommandFailedError):
        release.space("get", "configmap/indexjob-settings")
