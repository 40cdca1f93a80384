"""Runs the worker's commands as real processes."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import conninfo
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from tests.worker.git_server import GitServer, serve
from tests.worker.repositories import Repository


class Worker:
    """A workspace, a run spec, and the commands on them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.workspace = directory / "workspace"
        self.credentials = directory / "database"
        self.message = directory / "termination-log"
        self.job_id = str(uuid.uuid4())
        self.fault: dict[str, str] = {}
        self.started: list[subprocess.Popen[str]] = []

    def start_clone(self, url: str, credentials: Path | None = None, **spec: Any) -> subprocess.Popen[str]:
        run_spec = self.directory / "run-spec.json"
        fields = {"job_id": self.job_id, "launch": 1, "tenant": "default", "repository": url, "clone_url": url}
        run_spec.write_text(json.dumps(fields | {"local_repositories": True} | spec))
        arguments = [
            "clone",
            "--run-spec",
            run_spec,
            "--workspace",
            self.workspace,
            "--termination-message",
            self.message,
        ]
        if credentials:
            arguments += ["--git-credentials", credentials]
        return self.start(*arguments)

    def break_with(self, code: str) -> None:
        """Inject a fault: run this in each `index` before anything else."""
        folder = self.directory / "fault"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(code)
        self.fault = {"PYTHONPATH": f"{folder}:{os.environ.get('PYTHONPATH', '')}"}

    def start(self, *arguments: Any, **environment: str) -> subprocess.Popen[str]:
        self.started.append(subprocess.Popen(
            [sys.executable, "-m", "indexjob_worker", *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | environment,
        ))  # fmt: skip
        return self.started[-1]

    def clone(self, url: str, credentials: Path | None = None, **spec: Any) -> tuple[int, dict[str, Any], str]:
        """Exit code, outcome, and all that was printed."""
        return self.end(self.start_clone(url, credentials, **spec))

    def start_index(self, **environment: str) -> subprocess.Popen[str]:
        """After a clone: with the same run spec."""
        return self.start(
            *("index", "--run-spec", self.directory / "run-spec.json", "--workspace", self.workspace),
            *("--termination-message", self.message, "--database-credentials", self.credentials),
            **{"POD_UID": f"pod-{uuid.uuid4()}", "POD_NAME": "pod", "NODE_NAME": "node"} | self.fault | environment,
        )

    def index(self, url: str, **spec: Any) -> tuple[int, dict[str, Any], str]:
        """Both commands."""
        code, _, printed = self.clone(url, **spec)
        assert code == 0, printed
        return self.end(self.start_index())

    def end(self, process: subprocess.Popen[str], timeout: float = 60) -> tuple[int, dict[str, Any], str]:
        stdout, stderr = process.communicate(timeout=timeout)
        assert stdout == ""
        for line in stderr.splitlines():
            json.loads(line)
        return process.returncode, json.loads(self.message.read_text()), stderr

    def leftovers(self) -> list[str]:
        return sorted(path.name for path in self.workspace.iterdir()) if self.workspace.exists() else []


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    made = Worker(tmp_path)
    yield made
    for process in made.started:
        process.kill()
        process.communicate()


@pytest.fixture
def git_server(tmp_path: Path) -> Iterator[GitServer]:
    root = tmp_path / "served"
    root.mkdir()
    with serve(root) as state:
        yield state


@pytest.fixture
def repository(git_server: GitServer) -> Repository:
    """A small repository on the server, under `/repo.git`."""
    made = Repository(git_server.root / "repo.git")
    made.commit({"a.py": "import b\n", "b.py": "def f():\n    return 1\n"})
    return made


class Queue:
    """The operator's part, by its own functions, and what came of it in Postgres."""

    def __init__(self, url: str, login: str, worker: Worker) -> None:
        self.admin = psycopg.connect(url, autocommit=True)
        self.login = login
        self._worker = worker
        self._epoch = self.one("SELECT indexjob.acquire_lease('test', '1 hour')")

    def one(self, query: str, *values: object) -> Any:
        row = self.admin.execute(query.encode(), values).fetchone()
        return row[0] if row else None

    def rows(self, query: str, *values: object) -> list[Any]:
        return self.admin.execute(query.encode(), values).fetchall()

    def launch(self, url: str, revision: str = "HEAD", **options: Any) -> None:
        """A launch of a new job for the worker to run."""
        job = self.one("SELECT indexjob.enqueue(%s, %s, options => %s)", url, revision, Jsonb(options))
        assert self.rows("SELECT id FROM indexjob.claim(%s, 100, 1000, 'test')", self._epoch) == [(job,)]
        self._worker.job_id = str(job)
        self.write_credentials(self.login, self.one("SELECT indexjob.launch_token(%s, 1)", job))

    def write_credentials(self, url: str, token: str) -> None:
        self._worker.credentials.mkdir(exist_ok=True)
        (self._worker.credentials / "database-url").write_text(url)
        (self._worker.credentials / "launch-token").write_text(token)

    def end(self) -> None:
        """The launch's pods are gone."""
        outcome = [{"id": self._worker.job_id, "launch": 1, "reason": "Failed", "message": ""}]
        self.admin.execute("SELECT indexjob.record_finished(%s, %s)", [self._epoch, Jsonb(outcome)])

    def cancel(self) -> None:
        assert self.one("SELECT indexjob.cancel(%s)", self._worker.job_id)

    def attempts(self) -> list[dict[str, Any]]:
        with self.admin.cursor(row_factory=dict_row) as cursor:
            query = "SELECT * FROM indexjob.index_job_attempts WHERE job_id = %s ORDER BY number"
            return cursor.execute(query, [self._worker.job_id]).fetchall()

    def files(self) -> dict[str, str]:
        return dict(self.rows("SELECT path, status FROM indexjob.files"))


@pytest.fixture
def queue(database: str, worker: Worker) -> Iterator[Queue]:
    """A migrated database, and a login that may do what a worker does and nothing else."""
    name, password = f"worker_{uuid.uuid4().hex[:8]}", "canary-db-9d2e7c"
    login = conninfo.make_conninfo(database, user=name, password=password)
    made = Queue(database, login, worker)
    made.admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}' IN ROLE indexjob_worker".encode())
    yield made
    made.admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [name])
    made.admin.execute(f"DROP ROLE {name}".encode())
    made.admin.close()
