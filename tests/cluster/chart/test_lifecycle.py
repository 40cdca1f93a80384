"""Installed, changed, rolled back and taken away again, on a real cluster with real pods."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest
from helm_python.chart import package

from tests.cluster.chart import released
from tests.cluster.chart.installed import SECRET, Installed
from tests.cluster.chart.release import CHART, NAME, OPERATOR_PODS, Release
from tests.cluster.machine.commands import until
from tests.cluster.namespace import Namespace

KINDS = (
    "deployments,replicasets,statefulsets,jobs,pods,services,configmaps,secrets,serviceaccounts,roles,rolebindings,"
    "networkpolicies,poddisruptionbudgets,persistentvolumeclaims,indexjobs,leases"
)
CLUSTER_WIDE = "clusterroles,clusterrolebindings"
KUBERNETES_OWN = {"ConfigMap/kube-root-ca.crt", "ServiceAccount/default"}


def left(space: Namespace, *ours: str) -> list[str]:
    """What is in the namespace that was not there before the installation."""
    found = {f"{one['kind']}/{one['metadata']['name']}" for one in space.list(KINDS)}
    return sorted(found - KUBERNETES_OWN - set(ours))


def cluster_wide(space: Namespace) -> list[str]:
    """What is in no namespace, of the release in this one."""
    found = json.loads(space.cluster("get", CLUSTER_WIDE, "-o", "json"))["items"]
    return [name for one in found if (name := one["metadata"]["name"]).startswith(f"{space.name}:")]


def gone(release: Release, *but: str) -> bool:
    """Nothing is left of it within a minute or so."""
    return until(lambda: left(release.space, *but) + cluster_wide(release.space) == [], seconds=240, every=0.5)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("installed", [*released.kept(), CHART], indirect=True, ids=lambda chart: chart.name)
def test_from_install_to_uninstall(installed: Installed, tmp_path: Path) -> None:
    """From each released version, and from the present one, whose next it is. A resource and a row complete; an upgrade to the next version and a rollback hurt no job that runs; uninstalling leaves nothing of ours."""
    release = installed.release
    name = installed.apply_example(installed.repository("example"))
    row = installed.enqueue(installed.repository("row"))
    release.space.wait(f"indexjob/{name}", until="condition=Complete")
    assert installed.wait_for(row, "completed", "failed")["state"] == "completed"

    ids = [installed.enqueue(installed.repository(f"during-{number}", files=20)) for number in range(4)]
    assert until(lambda: any(installed.job(one)["state"] == "running" for one in ids), seconds=240, every=0.1)
    chart = Path(package(CHART, destination=tmp_path, version=released.following()))
    release.upgrade(*installed.values, {"queue": {"concurrency": 3}, "operator": {"replicas": 2}}, chart=chart)
    release.wait_until_ready(180)
    assert release.helm.get_metadata(NAME)["version"] == released.following()
    for one in ids:
        ended = installed.wait_for(one, "completed", "failed")
        assert (ended["state"], ended["attempts"]) == ("completed", 1), ended

    more = [installed.enqueue(installed.repository(f"after-{number}", files=20)) for number in range(2)]
    release.rollback()
    release.wait_until_ready(180)
    assert until(lambda: len(release.space.list("pods", OPERATOR_PODS)) == 1, seconds=240, every=0.5), release.story()
    for one in more:
        ended = installed.wait_for(one, "completed", "failed")
        assert (ended["state"], ended["attempts"]) == ("completed", 1), ended

    release.uninstall()
    ours = ("Secret/db", f"Secret/{SECRET}", f"IndexJob/{name}")
    assert gone(release, *ours), left(release.space, *ours)
    assert release.space.get(f"indexjob/{name}")["status"]["state"] == "completed"


@pytest.mark.timeout(1800)
def test_uninstalling_takes_running_jobs_along_and_installing_again_goes_on(installed: Installed) -> None:
    """Their rows stay, and the next operator runs them from the beginning."""
    release = installed.release
    ids = [installed.enqueue(installed.repository(f"cut-{number}", files=50)) for number in range(3)]
    assert until(lambda: any(installed.job(one)["state"] == "running" for one in ids), seconds=240, every=0.1)
    release.uninstall()
    ours = ("Secret/db", f"Secret/{SECRET}")
    assert gone(release, *ours), left(release.space, *ours)
    release.install(*installed.values)
    release.wait_until_ready()
    for one in ids:
        assert installed.wait_for(one, "completed", "failed")["state"] == "completed"


def test_an_older_operator_works_on_a_schema_that_is_one_release_newer(installed: Installed) -> None:
    """As after a rollback: the migration of the older one leaves the schema as it is."""
    with psycopg.connect(installed.database.admin, autocommit=True) as admin:
        admin.execute(
            "INSERT INTO indexjob.migrations (version, name, checksum) SELECT max(version) + 1, 'next', 'x' FROM indexjob.migrations"
        )
    installed.release.space("rollout", "restart", f"deployment/{NAME}-operator")
    installed.release.wait_until_ready()
    job = installed.enqueue(installed.repository("newer"))
    assert installed.wait_for(job, "completed", "failed")["state"] == "completed"
