"""A dispatcher, a git server and a database, all of them real; and a look at what they leave behind."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.worker.git_server import GitServer, serve
from tests.worker.repositories import Repository

PATIENCE_SECONDS = 240.0


class World:
    """What a test acts on: enqueue, dispatch, look."""

    def __init__(self, database: str, server: GitServer, folder: Path) -> None:
        self.database = database
        self.server = server
        self.workspaces = folder / "workspaces"
        self.log = folder / "dispatcher.log"
        self.connection = psycopg.connect(database, autocommit=True, row_factory=dict_row)

    def repository(self, name: str, **files: str) -> Repository:
        """A new repository on the server, reached as `url(name)`."""
        repository = Repository(self.server.root / f"{name}.git")
        repository.commit({path.replace("__", "."): text.encode() for path, text in files.items()})
        return repository

    def url(self, name: str) -> str:
        return f"{self.server.url}/{name}.git"

    def enqueue(self, name: str, **arguments: object) -> str:
        extra = "".join(f", {k} => %s" for k in arguments)
        row = self.connection.execute(
            f"SELECT indexjob.enqueue(%s{extra})::text AS id", (self.url(name), *arguments.values())
        ).fetchone()
        assert row
        return str(row["id"])

    def job(self, job: str) -> dict[str, Any]:
        row = self.connection.execute("SELECT * FROM indexjob.jobs WHERE id = %s", (job,)).fetchone()
        assert row
        return row

    def attempts(self, job: str) -> list[dict[str, Any]]:
        return self.connection.execute(
            "SELECT * FROM indexjob.attempts WHERE job_id = %s ORDER BY number", (job,)
        ).fetchall()

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        return self.connection.execute(query, values).fetchall()

    @contextmanager
    def dispatcher(self, *modes: str) -> Iterator[subprocess.Popen[bytes]]:
        """A dispatcher that is killed at the end of the block if it still runs."""
        command = [
            sys.executable,
            str(Path(__file__).with_name("dispatcher.py")),
            self.database,
            str(self.workspaces),
            *modes,
        ]
        with self.log.open("ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def run_until_empty(self) -> None:
        with self.dispatcher("once") as process:
            assert process.wait(PATIENCE_SECONDS) == 0, self.log.read_text()

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Poll until it holds; the dispatcher's log is the message when it never does."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"never: {what}\n{self.log.read_text()}"
            time.sleep(0.02)

    def processes(self) -> list[str]:
        """Command lines of every process that has something to do with the workspaces."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(self.workspaces) in line and "dispatcher.py" not in line:
                found.append(line)
        return found

    def assert_nothing_is_left(self) -> None:
        assert self.processes() == []
        assert [p for p in self.workspaces.rglob("*") if p.parent.parent == self.workspaces] == []
        assert self.rows("SELECT * FROM indexjob.slots") == []
        assert self.rows("SELECT * FROM indexjob.jobs WHERE state IN ('launching', 'running')") == []


@pytest.fixture
def world(database: str, tmp_path: Path) -> Iterator[World]:
    root = tmp_path / "served"
    root.mkdir()
    with serve(root) as server:
        world = World(database, server, tmp_path)
        yield world
        world.connection.close()
