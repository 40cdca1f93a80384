"""Runs the worker's commands as real processes."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.worker.git_server import GitServer, serve
from tests.worker.repositories import Repository


class Worker:
    """A workspace, a run spec, and the commands on them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.workspace = directory / "workspace"
        self.message = directory / "termination-log"
        self.job_id = str(uuid.uuid4())

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

    def start(self, *arguments: Any, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "indexjob_worker", *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | environment,
        )  # fmt: skip

    def clone(self, url: str, credentials: Path | None = None, **spec: Any) -> tuple[int, dict[str, Any], str]:
        """Exit code, outcome, and all that was printed."""
        return self.end(self.start_clone(url, credentials, **spec))

    def end(self, process: subprocess.Popen[str], timeout: float = 60) -> tuple[int, dict[str, Any], str]:
        stdout, stderr = process.communicate(timeout=timeout)
        assert stdout == ""
        for line in stderr.splitlines():
            json.loads(line)
        return process.returncode, json.loads(self.message.read_text()), stderr

    def leftovers(self) -> list[str]:
        return sorted(path.name for path in self.workspace.iterdir()) if self.workspace.exists() else []


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    return Worker(tmp_path)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    root = tmp_path / "served"
    root.mkdir()
    with serve(root) as state:
        yield state


@pytest.fixture
def repository(server: GitServer) -> Repository:
    """A small repository on the server, under `/repo.git`."""
    made = Repository(server.root / "repo.git")
    made.commit({"a.py": "import b\n", "b.py": "def f():\n    return 1\n"})
    return made
