"""A release that works: what a test asks of it, and what it sees."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import urlsplit

import psycopg
import yaml
from psycopg import conninfo
from psycopg.rows import dict_row

from indexjob_operator import names
from tests.cluster.chart.release import Release
from tests.cluster.machine import builders
from tests.cluster.machine.commands import until
from tests.cluster.namespace import Manifest
from tests.cluster.operator.ground import Database, GitHost
from tests.worker.repositories import Repository

NAMED: Manifest = {"database": {"existingSecret": "db"}}
SECRET = "git"
PYTHON = "class Greeter:\n    def greet(self):\n        return helper()\n\n\ndef helper():\n    return 1\n"


def urls(database: Database) -> dict[str, str]:
    """Each part's login; the schema's owner comes by the network as the server's superuser, with a password of its own."""
    password = "canary-owner"
    with psycopg.connect(database.server.dsn, autocommit=True) as admin:
        admin.execute(f"ALTER ROLE postgres PASSWORD '{password}'")
    host, port = database.server.address
    name = conninfo.conninfo_to_dict(database.admin)["dbname"]
    return {
        "migrate_url": f"postgresql://postgres:{password}@{host}:{port}/{name}",
        "operator_url": database.logins["operator"],
        "worker_url": database.logins["worker"],
    }


def reaching(database: Database) -> Manifest:
    """Policies that let pods reach it."""
    host, port = database.server.address
    return {"networkPolicy": {"database": {"cidr": f"{host}/32", "port": port}}}


def git_secret(git: GitHost, name: str = SECRET) -> Manifest:
    """That which the tests' requests name, if they don't say otherwise."""
    about = {
        "name": name,
        "labels": {"codeindex.dev/credential": "true"},
        "annotations": {"codeindex.dev/hosts": git.address, "codeindex.dev/tenants": "default"},
    }
    data = {"username": git.user, "password": git.password, "ca.crt": git.authority}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": about, "type": "kubernetes.io/basic-auth"}
    return {**secret, "stringData": data}


@dataclass
class Installed:
    """A release that is installed, with its database and a git server."""

    release: Release
    database: Database
    git: GitHost

    @property
    def values(self) -> tuple[Manifest, ...]:
        host = f"{self.git.address}/32"
        git = {
            "networkPolicy": {"git": {"privateRanges": [host], "ports": [443, 22, urlsplit(self.git.url("x")).port]}}
        }
        return NAMED, reaching(self.database), git, {"credentialNamespaces": [self.release.space.name]}

    def repository(self, name: str, files: int = 1) -> str:
        """A new one on the git server: its URL."""
        made = Repository(self.git.server.root / f"{name}.git")
        made.commit({f"a{number}.py": PYTHON.encode() for number in range(files)})
        return self.git.url(name)

    def enqueue(self, url: str, **more: object) -> str:
        """A row, as an application writes it."""
        asked = {"options": json.dumps({"credentials_secret": SECRET}), **more}
        extra = "".join(f", {key} => %s" for key in asked)
        with psycopg.connect(self.database.logins["producer"], autocommit=True) as producer:
            row = producer.execute(
                f"SELECT indexjob.enqueue(%s{extra})::text".encode(), (url, *asked.values())
            ).fetchone()
        assert row
        return str(row[0])

    def apply_example(self, url: str) -> str:
        """That of examples/indexjob.yaml, for a repository of ours: its name."""
        example = yaml.safe_load((builders.REPOSITORY / "examples" / "indexjob.yaml").read_text())
        example["spec"] |= {"repository": url, "revision": "HEAD", "credentialsSecretRef": {"name": SECRET}}
        self.release.space.apply(example)
        return str(example["metadata"]["name"])

    def job(self, job: str) -> dict[str, object]:
        with psycopg.connect(self.database.admin, row_factory=dict_row) as admin:
            (row,) = admin.execute("SELECT * FROM indexjob.jobs WHERE id = %s", (job,)).fetchall()
        return row

    def wait_for(self, job: str, *states: str, seconds: float = 600) -> dict[str, object]:
        assert until(lambda: self.job(job)["state"] in states, seconds, every=0.2), (
            f"{self.job(job)}\n{self.release.story()}"
        )
        return self.job(job)

    def jobs(self) -> list[Manifest]:
        return self.release.space.list("jobs", names.INDEX_JOB)
