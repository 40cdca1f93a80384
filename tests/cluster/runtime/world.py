"""What a test of the runtime acts on: a namespace under Pod Security `restricted`, a database, the operator's inside, and what of it all is left."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from indexjob_operator import settings
from indexjob_operator.names import INDEX_JOB
from indexjob_operator.settings import Settings
from tests.cluster.namespace import Manifest, Namespace
from tests.cluster.runtime.operating import Operating
from tests.cluster.runtime.stand_in import COMMAND

PATIENCE_SECONDS = 300.0
SMALL = {
    "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
    "memoryCap": "128Mi",
    "workspace": {"size": "50Mi"},
    "waitingSeconds": 60,
}
FINISHED = ("completed", "failed", "cancelled", "skipped")
Row = dict[str, Any]


class World:
    """One namespace, one database."""

    def __init__(self, space: Namespace, image: str, kubeconfig: Path, database: str) -> None:
        self.space, self.image, self.kubeconfig, self.database = space, image, kubeconfig, database
        self.connection = psycopg.connect(database, autocommit=True, row_factory=dict_row)
        self.instance = str(self.row("SELECT id FROM indexjob.instance")["id"])
        self.operators: list[Operating] = []
        space.cluster("label", "namespace", space.name, "pod-security.kubernetes.io/enforce=restricted")

    def settings(self, **changed: Any) -> Settings:
        given: dict[str, Any] = {
            "worker": {"image": self.image, "command": list(COMMAND)},
            "patience": {
                "noPodSeconds": 1,
                "refusedAgainSeconds": 2,
                "deadNodeSeconds": 5,
                "nodeLostSeconds": 5,
                "straySeconds": 3,
            },
            "profiles": {"default": SMALL},
        }
        return settings.read(given | changed)

    def operate(self, *, kubeconfig: Path | None = None, **changed: Any) -> Operating:
        operating = Operating(kubeconfig or self.kubeconfig, self.settings(**changed), self.space.name, self.database)
        self.operators.append(operating)
        return operating

    def enqueue(self, revision: str, repository: str = "a", **more: object) -> str:
        extra = "".join(f", {key} => %s" for key in more)
        row = self.row(
            f"SELECT indexjob.enqueue(%s, %s{extra})::text AS id",
            f"https://git.test/{repository}-{revision}", revision, *more.values(),
        )  # fmt: skip
        return str(row["id"])

    def steer(self, what: str, job: str) -> None:
        self.row(f"SELECT indexjob.{what}(%s)", job)

    def row(self, query: str, *values: object) -> Row:
        (found,) = self.rows(query, *values)
        return found

    def rows(self, query: str, *values: object) -> list[Row]:
        return self.connection.execute(query.encode(), values).fetchall()

    def job(self, job: str) -> Row:
        return self.row("SELECT * FROM indexjob.jobs WHERE id = %s", job)

    def attempts(self, job: str) -> list[Row]:
        return self.rows("SELECT * FROM indexjob.attempts WHERE job_id = %s ORDER BY number", job)

    def waiting(self, job: str) -> Row | None:
        found = self.rows("SELECT * FROM indexjob.waiting WHERE id = %s", job)
        return found[0] if found else None

    def jobs_of(self, job: str) -> list[Manifest]:
        """Its Jobs in the cluster, by the number of the launch."""
        found = self.space.list("jobs", f"{INDEX_JOB}={job}")
        return sorted(found, key=lambda one: str(one["metadata"]["labels"]["codeindex.dev/launch"]))

    def pods_of(self, job: str) -> list[Manifest]:
        return self.space.list("pods", f"{INDEX_JOB}={job}")

    def secrets_of(self, job: str) -> list[Manifest]:
        return self.space.list("secrets", f"{INDEX_JOB}={job}")

    def wait(self, condition: Callable[[], object], what: str, seconds: float = PATIENCE_SECONDS) -> None:
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until, f"not within {seconds} s: {what}\n{self.story()}"
            time.sleep(0.1)

    def wait_for(self, job: str, *states: str, seconds: float = PATIENCE_SECONDS) -> Row:
        self.wait(lambda: self.job(job)["state"] in states, f"{job} is {' or '.join(states)}", seconds)
        return self.job(job)

    def wait_for_end(self, job: str, seconds: float = PATIENCE_SECONDS) -> Row:
        return self.wait_for(job, *FINISHED, seconds=seconds)

    def publish(self, job: str) -> None:
        """As the worker's last transaction does; the tests of the whole run the worker itself."""
        self.connection.execute(
            "UPDATE indexjob.index_jobs SET verdict = 'completed', commit = 'c0ffee' WHERE id = %s", (job,)
        )

    def assert_gone(self, job: str) -> None:
        """Nothing of it runs, holds a secret or a volume; a Job that was recorded has a TTL."""
        self.wait(lambda: not self.secrets_of(job), "its Secrets are gone")
        self.wait(
            lambda: not [p for p in self.pods_of(job) if p["status"]["phase"] in ("Pending", "Running")],
            "no pod of it runs",
        )
        self.wait(
            lambda: all("ttlSecondsAfterFinished" in one["spec"] for one in self.jobs_of(job)), "its Jobs have a TTL"
        )
        self.wait(lambda: not self.rows("SELECT FROM indexjob.slots WHERE job_id = %s", job), "its repository is free")

    def assert_sound(self) -> None:
        assert self.rows("SELECT * FROM indexjob.check_invariants('0')") == []

    def story(self) -> str:
        told = self.rows("SELECT id, state, launch, failures, resets, reason, message FROM indexjob.index_jobs")
        return "\n".join([*map(str, told), self.space.story(), self.space("get", "events")])

    def close(self) -> None:
        try:
            for operator in self.operators:
                operator.end()
        finally:
            self.connection.close()


def labelled(world: World, kind: str, name: str, labels: Row, **more: Any) -> Manifest:
    """A Job or Secret of that name, as somebody else might have made it."""
    about = {"name": name, "labels": labels}
    if kind == "Secret":
        return {"apiVersion": "v1", "kind": "Secret", "metadata": about, **more}
    security = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
    locked = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {"name": "index", "image": world.image, "command": ["sleep", "600"], "securityContext": locked}
    pod = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 1,
        "securityContext": security,
        "containers": [container],
    }
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"template": template, "backoffLimit": 0, **more}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": about, "spec": json.loads(json.dumps(spec))}
