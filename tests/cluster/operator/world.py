"""What a test of the whole acts on: ask for an index, run operators and hurt them, look; and the questions that every test ends with."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import yaml
from psycopg import conninfo
from psycopg.rows import dict_row

from indexjob import migrations
from indexjob_operator import names
from tests.cluster.machine import builders
from tests.cluster.machine.commands import until
from tests.cluster.namespace import Manifest, Namespace
from tests.cluster.operator.ground import Database, GitHost
from tests.stoppable import Stoppable
from tests.worker.repositories import Repository

PATIENCE_SECONDS = 300.0
LEASE_SECONDS = 3.0
SECRET = "git"
SMALL = {
    "resources": {
        "requests": {"cpu": "20m", "memory": "64Mi", "ephemeral-storage": "10Mi"},
        "limits": {"memory": "512Mi", "ephemeral-storage": "1Gi"},
    },
    "workspace": {"size": "200Mi"},
    "waitingSeconds": 60,
    "ttlSecondsAfterFinished": 0,
}
PYTHON = "class Greeter:\n    def greet(self):\n        return helper()\n\n\ndef helper():\n    return 1\n"
FINISHED = ("completed", "failed", "cancelled", "skipped")
Row = dict[str, Any]


class Operator(Stoppable):
    """The operator as a process of this machine."""

    def __init__(self, world: World, kubeconfig: Path, settings: Path, points: tuple[str, ...]) -> None:
        self.name = f"operator-{uuid4().hex[:6]}"
        command = [
            *(sys.executable, "-m", "indexjob_operator", "--settings", str(settings)),
            *("--database-credentials", str(world.credentials), "--host", "127.0.0.1", "--port", "0"),
        ]
        super().__init__(command, {"KUBECONFIG": str(kubeconfig), "PGAPPNAME": self.name}, points)

    def said(self, action: str) -> list[Row]:
        """The lines of its log with this action."""
        lines = [json.loads(line) for line in list(self.log) if line.startswith("{")]
        return [line for line in lines if line["action"] == action]

    @property
    def port(self) -> int:
        """Of its pages."""
        assert until(lambda: self.said("serving"), seconds=240), "\n".join(self.log)
        return int(self.said("serving")[0]["port"])


@dataclass
class World:
    """One namespace that is both a user's and where Jobs run, one database, one git server, any number of operators."""

    space: Namespace
    database: Database
    git: GitHost
    folder: Path
    kubeconfig: Path
    operators: list[Operator] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.connection = psycopg.connect(self.database.admin, autocommit=True, row_factory=dict_row)
        self.credentials = self.folder / "credentials"
        self.credentials.mkdir(mode=0o700)
        for who in ("operator", "worker"):
            (self.credentials / f"{who}-url").write_text(self.database.logins[who])
        about = {
            "name": SECRET,
            "labels": {"codeindex.dev/credential": "true"},
            "annotations": {"codeindex.dev/hosts": self.git.address, "codeindex.dev/tenants": "default"},
        }
        data = {"username": self.git.user, "password": self.git.password, "ca.crt": self.git.authority}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": about, "type": "kubernetes.io/basic-auth"}
        self.space.apply({**secret, "stringData": data})

    # What a test asks for

    def repository(self, name: str, **files: str) -> Repository:
        """On the git server: `a__py="…"` is the file a.py."""
        repository = Repository(self.git.server.root / f"{name}.git")
        repository.commit(
            {path.replace("__", "."): text.encode() for path, text in (files or {"a__py": PYTHON}).items()}
        )
        return repository

    def enqueue(self, name: str, **more: object) -> str:
        """A row, as an application writes it."""
        more = {"options": json.dumps({"credentials_secret": SECRET}), **more}
        extra = "".join(f", {key} => %s" for key in more)
        with psycopg.connect(self.database.logins["producer"], autocommit=True) as producer:
            row = producer.execute(
                f"SELECT indexjob.enqueue(%s{extra})::text".encode(), (self.git.url(name), *more.values())
            ).fetchone()
        assert row
        self.asked.append(row[0])
        return str(row[0])

    def apply(self, name: str, repository: str, **spec: object) -> None:
        """An IndexJob, as a person applies it."""
        whole = {"repository": self.git.url(repository), "credentialsSecretRef": {"name": SECRET}, **spec}
        about = {"name": name}
        self.space.apply({"apiVersion": "codeindex.dev/v1alpha1", "kind": "IndexJob", "metadata": about, "spec": whole})

    def steer(self, what: str, job: str) -> None:
        with psycopg.connect(self.database.logins["producer"], autocommit=True) as producer:
            producer.execute(f"SELECT indexjob.{what}(%s)".encode(), (job,))

    # Who serves

    def settings(self, **changed: Any) -> Manifest:
        return {
            "runNamespace": self.space.name,
            "watchNamespaces": [self.space.name],
            "tenants": {self.space.name: "default"},
            "credentialNamespaces": [self.space.name],
            "worker": {"image": builders.tag("worker")},
            "queue": {"concurrency": 10, "sweepSeconds": 2, "leaseSeconds": LEASE_SECONDS},
            "patience": {"noPodSeconds": 2, "refusedAgainSeconds": 3, "deadNodeSeconds": 5, "straySeconds": 5},
            "profiles": {"default": SMALL},
            **changed,
        }

    def operate(self, *points: str, kubeconfig: Path | None = None, **changed: Any) -> Operator:
        """Start an operator that stops at these points."""
        path = self.folder / f"settings-{len(self.operators)}.yaml"
        path.write_text(yaml.safe_dump(self.settings(**changed)))
        operator = Operator(self, kubeconfig or self.kubeconfig, path, points)
        self.operators.append(operator)
        return operator

    def let_lease_run_out(self) -> None:
        """As after its time, without waiting for that."""
        self.connection.execute("UPDATE indexjob.lease SET expires_at = clock_timestamp()")

    def restart_postgres(self, how: str) -> None:
        """`immediate` is a crash."""
        with self.without_postgres(how):
            pass

    @contextmanager
    def without_postgres(self, how: str = "fast") -> Iterator[None]:
        """It is stopped meanwhile."""
        self.connection.close()
        self.database.server.stop(how)
        try:
            yield
        finally:
            self.database.server.start()
            self.database.server.wait()
            self.connection = psycopg.connect(self.database.admin, autocommit=True, row_factory=dict_row)

    @contextmanager
    def without_schema(self) -> Iterator[None]:
        """Meanwhile the database is a new one."""
        self.connection.execute("DROP SCHEMA indexjob CASCADE")
        try:
            yield
        finally:
            with psycopg.connect(self.database.admin, autocommit=True) as admin:
                migrations.migrate(admin)

    # What there is to see

    def rows(self, query: str, *values: object) -> list[Row]:
        return self.connection.execute(query.encode(), values).fetchall()

    def job(self, job: str) -> Row:
        (row,) = self.rows("SELECT * FROM indexjob.jobs WHERE id = %s", job)
        return row

    def attempts(self, job: str) -> list[Row]:
        return self.rows("SELECT * FROM indexjob.attempts WHERE job_id = %s ORDER BY number", job)

    def resource(self, name: str) -> Row:
        """Its status."""
        return dict(self.space.get(f"indexjob/{name}").get("status") or {})

    def job_of(self, name: str) -> str:
        """The id of the row of an IndexJob."""
        self.wait(lambda: self.resource(name).get("jobId"), f"the IndexJob {name} has a row")
        return str(self.resource(name)["jobId"])

    def launched(self, selector: str = "") -> list[Manifest]:
        """The Jobs that there are."""
        return self.space.list("jobs", ",".join(filter(None, [names.INDEX_JOB, selector])))

    def wait(self, condition: Callable[[], object], what: str, seconds: float = PATIENCE_SECONDS) -> None:
        if not until(condition, seconds, every=0.1):
            raise AssertionError(f"not within {seconds} s: {what}\n{self.story()}")

    def wait_for_state(self, job: str, *states: str, seconds: float = PATIENCE_SECONDS) -> Row:
        """The row, once it is in one of these states."""
        self.wait(lambda: self.job(job)["state"] in states, f"{job} is {' or '.join(states)}", seconds)
        return self.job(job)

    def wait_for_end(self, job: str, seconds: float = PATIENCE_SECONDS) -> Row:
        return self.wait_for_state(job, *FINISHED, seconds=seconds)

    def story(self) -> str:
        """For the message of a test that failed."""
        told = [str(row) for row in self.rows("SELECT * FROM indexjob.jobs")]
        told += [str(row) for row in self.rows("SELECT * FROM indexjob.slots")]
        for attempt in self.rows("SELECT * FROM indexjob.attempts ORDER BY job_id, number"):
            log = attempt.pop("log_tail") or ""
            told += [str(attempt), *log.splitlines()[-15:]]
        told += [self.space("get", "indexjobs,jobs,pods,events", "-o", "wide")]
        for operator in self.operators[-3:]:
            told += [f"--- {operator.name}, exit code {operator.process.poll()}", *operator.log[-40:]]
        return "\n".join(told)

    # What every test ends with

    def settle(self) -> None:
        """All has an end, and nothing is left of any launch."""
        unfinished = "SELECT id FROM indexjob.index_jobs WHERE finished_at IS NULL AND state <> 'suspended'"
        self.wait(lambda: not self.rows(unfinished), "every row is finished")
        self.wait(lambda: not self.rows("SELECT FROM indexjob.slots"), "every repository is free")
        self.wait(lambda: not self.left_over(), "nothing is left over")

    def left_over(self) -> list[str]:
        """Jobs, Pods, Secrets and volumes of launches that are still there."""
        found = self.space.list("jobs,pods,secrets", names.INDEX_JOB) + self.space.list("persistentvolumeclaims")
        return [f"{one['kind']}/{one['metadata']['name']}" for one in found]

    def assert_sound(self) -> None:
        """Nothing lost, nothing published twice, every invariant holds."""
        assert self.rows("SELECT * FROM indexjob.check_invariants('0')") == [], self.story()
        known = {str(row["id"]) for row in self.rows("SELECT id FROM indexjob.index_jobs")}
        assert set(self.asked) <= known, f"requests were lost: {set(self.asked) - known}"
        published = """
            SELECT j.id, j.state, j.commit, count(s.id) AS snapshots FROM indexjob.index_jobs j
            LEFT JOIN indexjob.repository r ON r.tenant = j.tenant AND r.url = j.repository
            LEFT JOIN indexjob.snapshot s ON s.repository_id = r.id AND s.commit = j.commit
            WHERE j.state IN ('completed', 'skipped') AND j.options - 'credentials_secret' = '{}' GROUP BY j.id
        """
        assert [row for row in self.rows(published) if row["snapshots"] != 1] == [], self.story()

    def end(self) -> None:
        """Operators stop when they are told to, and no connection of theirs or of a worker stays."""
        for operator in self.operators:
            if operator.process.poll() is None:
                assert operator.end(signal.SIGTERM) == 0, "\n".join(operator.log[-40:])
        logins = [str(conninfo.conninfo_to_dict(dsn)["user"]) for dsn in self.database.logins.values()]
        still = "SELECT usename, application_name, state FROM pg_stat_activity WHERE usename = ANY (%s)"
        assert until(lambda: not self.rows(still, logins), seconds=240), self.rows(still, logins)

    def close(self) -> None:
        for operator in self.operators:
            operator.end()
        self.connection.close()
