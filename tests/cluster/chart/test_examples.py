"""What examples/ shows works: on the test's own git server where it names a public one."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import psycopg
import pytest
import yaml

from tests.cluster.chart.installed import Installed
from tests.cluster.machine import builders
from tests.cluster.namespace import Namespace
from tests.worker import ssh_server

EXAMPLES = builders.REPOSITORY / "examples"
RESOURCES = sorted(path.name for path in EXAMPLES.glob("*.yaml") if ".values." not in path.name)


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((EXAMPLES / name).read_text()))


@pytest.mark.usefixtures("resource_definition")
@pytest.mark.parametrize("name", RESOURCES)
def test_the_api_server_takes_them_as_they_are(namespace: Namespace, name: str) -> None:
    namespace("apply", "--dry-run=server", "--validate=strict", "-f", str(EXAMPLES / name))


def test_a_private_repository_by_its_secret(installed: Installed) -> None:
    secret, resource = documents("private-token.yaml")
    git = installed.git
    secret["metadata"]["annotations"]["codeindex.dev/hosts"] = git.address
    secret["stringData"] |= {"username": git.user, "password": git.password, "ca.crt": git.authority}
    resource["spec"] |= {"repository": installed.repository("shop"), "revision": "HEAD"}
    space = installed.release.space
    space.apply(secret, resource)
    space.wait("indexjob/acme-shop", until="condition=Complete")


def test_a_private_repository_by_its_deploy_key(installed: Installed) -> None:
    """From a server that is known by its key alone, at a port that the policy lets through."""
    secret, resource = documents("private-ssh.yaml")
    git, release = installed.git, installed.release
    installed.repository("catalogue")
    with ssh_server.serve(git.server.root, git.address) as server:
        release.upgrade(*installed.values, {"networkPolicy": {"git": {"ports": [server.port]}}})
        secret["metadata"]["annotations"]["codeindex.dev/hosts"] = git.address
        secret["stringData"] = {"ssh-privatekey": server.private_key, "known_hosts": server.known_hosts}
        resource["spec"] |= {"repository": server.url("catalogue"), "revision": "HEAD"}
        release.space.apply(secret, resource)
        release.space.wait("indexjob/acme-catalogue", until="condition=Complete")


def test_a_workspace_on_a_volume(installed: Installed) -> None:
    """The volume is gone when the job has ended."""
    values = yaml.safe_load((EXAMPLES / "pvc-workspace.values.yaml").read_text())
    large = values["profiles"]["large"]
    large["workspace"] = {"size": "1Gi", "storageClassName": "indexjob-test"}
    large["resources"] = {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}}
    del large["memoryCap"]
    release = installed.release
    release.upgrade(*installed.values, values)
    release.wait_until_ready()
    (resource,) = documents("pvc-workspace.yaml")
    resource["spec"] |= {"repository": "https://sample.invalid/indexjob", "revision": "HEAD"}
    release.space.apply(resource)
    release.space.wait("indexjob/linux", until="condition=Complete")
    release.space.wait("persistentvolumeclaims", "--all", until="delete")


def test_an_application_that_asks_and_waits(installed: Installed) -> None:
    """`producer.py`, with a login that may do no more, and a table of its own."""
    login = installed.database.logins["producer"]
    with psycopg.connect(installed.database.admin, autocommit=True) as admin:
        admin.execute("CREATE TABLE projects (url text PRIMARY KEY)")
        admin.execute("GRANT SELECT, INSERT ON projects TO indexjob_producer")
    done = subprocess.run(
        [sys.executable, EXAMPLES / "producer.py", "https://sample.invalid/indexjob"],
        env=os.environ | {"DATABASE_URL": login},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr + installed.release.story()
    assert "https://sample.invalid/indexjob: completed (Completed)" in done.stdout
    assert "shop/" in done.stdout
