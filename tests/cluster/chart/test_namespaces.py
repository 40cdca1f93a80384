"""Installed to serve every namespace, with the Jobs in one of their own: each right is held where it is needed, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.cluster import namespace as namespaces
from tests.cluster.chart.installed import SECRET, Installed, git_secret, urls
from tests.cluster.chart.release import NAME, Release
from tests.cluster.chart.test_lifecycle import cluster_wide, left
from tests.cluster.machine.commands import until
from tests.cluster.machine.kubectl import Kubectl
from tests.cluster.namespace import Manifest, Namespace
from tests.cluster.operator.ground import Database, GitHost

PERSON = "somebody"
BESIDE = "beside-the-index-job"  # no Secret of the run namespace, which is always looked in


@dataclass(frozen=True, slots=True)
class Spaces:
    """The release's own namespace is the test's; these two are beside it."""

    run: Namespace
    users: Namespace


@pytest.fixture
def spaces(kubectl: Kubectl, cluster_run: str) -> Iterator[Spaces]:
    with namespaces.fresh(kubectl, cluster_run) as run, namespaces.fresh(kubectl, cluster_run) as users:
        kubectl("label", "namespace", run.name, "pod-security.kubernetes.io/enforce=restricted")
        users("create", "rolebinding", PERSON, "--clusterrole=edit", f"--user={PERSON}")
        yield Spaces(run, users)


def index_job(name: str, url: str, **spec: object) -> Manifest:
    whole = {"repository": url, "credentialsSecretRef": {"name": BESIDE}, **spec}
    return {"apiVersion": "codeindex.dev/v1alpha1", "kind": "IndexJob", "metadata": {"name": name}, "spec": whole}


@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("components")  # to be alone: the IndexJobs of other tests would be served, too
def test_every_namespace_is_served_and_jobs_run_in_one_of_their_own(
    release: Release, reachable_database: Database, git: GitHost, credentials: Callable[..., None], spaces: Spaces
) -> None:
    """A person with Kubernetes' own role `edit` asks; a Secret beside the IndexJob serves where that is allowed; nothing stays."""
    run, users, space = spaces.run, spaces.users, release.space
    installed = Installed(release, reachable_database, git)
    credentials(**urls(reachable_database))
    run.apply(git_secret(git))
    for each in (users, space):
        each.apply(git_secret(git, BESIDE))
    where = {"runNamespace": run.name, "watchNamespaces": [], "credentialNamespaces": [users.name]}
    notes = release.install(*installed.values, where, {"tenants": {users.name: "default"}})
    assert "MISSING" not in notes
    release.wait_until_ready()

    asked = json.dumps(index_job("theirs", installed.repository("theirs")))
    may = ("auth", "can-i", "create", "indexjobs.codeindex.dev", f"--as={PERSON}")
    assert until(lambda: users.cluster.holds("-n", users.name, *may), seconds=240), "the role `edit` has IndexJobs"
    users("apply", f"--as={PERSON}", "-f", "-", stdin=asked)
    row = installed.enqueue(installed.repository("row"))
    users.wait("indexjob/theirs", until="condition=Complete")
    assert users.get("indexjob/theirs")["status"]["jobNamespace"] == run.name
    ended = installed.wait_for(row, "completed", "failed")
    assert (ended["state"], ended["namespace"]) == ("completed", run.name)
    space.apply(index_job("not-allowed", installed.repository("not-allowed")))  # its namespace isn't in the list
    space.wait("indexjob/not-allowed", until="condition=Failed")
    release.helm.test(NAME, timeout=600)
    assert not space.list("jobs"), "none runs beside the operator"

    users.apply(index_job("waits", installed.repository("waits"), suspend=True))
    users.wait("indexjob/waits", until="condition=Suspended")
    waits = users.get("indexjob/waits")["status"]["jobId"]
    users.cluster("delete", "namespace", users.name, "--timeout=240s")
    assert installed.wait_for(waits, "cancelled")["message"] == "Its IndexJob was deleted."

    release.uninstall()
    kept = ("Secret/db", f"Secret/{SECRET}", f"Secret/{BESIDE}", "IndexJob/not-allowed")
    assert until(lambda: left(space, *kept) + left(run, *kept) + cluster_wide(space) == [], seconds=240, every=0.5), (
        left(space, *kept) + left(run, *kept) + cluster_wide(space)
    )
