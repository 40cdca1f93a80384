"""The command line as people call it, and a queue and an index that it can look at."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from indexjob.cli.main import main
from indexjob.index import Blob, BlobKey, Cycle, DependencyRow, File, Graph, IndexWriter, Launch

REPOSITORY = "https://example.org/team/project"
COMMIT = "c" * 40


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output is one JSON document, nothing else."""
        return json.loads(self.out)


Cli = Callable[..., Result]


@pytest.fixture
def cli(database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """Call `indexjob` with these arguments on the test's database; in this process, because it does the same and is ten times as fast."""
    monkeypatch.setenv("INDEXJOB_DATABASE_URL", database)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}

    def call(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["indexjob", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        code = ended.value.code
        return Result(code if isinstance(code, int) else 0, out, err)

    yield call
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with one commit."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "main.py").write_text("def main():\n    pass\n")
    for arguments in (
        ("init", "--quiet", "--initial-branch=main"),
        ("add", "."),
        ("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "-m", "one"),
    ):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    return folder


class Queue:
    """The operator's part, by its own functions."""

    def __init__(self, admin: psycopg.Connection[Any]) -> None:
        self.admin = admin
        self.epoch = self.one("SELECT indexjob.acquire_lease('test', '1 hour')")

    def one(self, query: str, *values: object) -> Any:
        row = self.admin.execute(query.encode(), values).fetchone()
        return row[0] if row else None

    def enqueue(self, repository: str = REPOSITORY, **more: object) -> UUID:
        named = "".join(f", {name} => %s" for name in more)
        job: UUID = self.one(f"SELECT indexjob.enqueue(%s{named})", repository, *more.values())
        return job

    def launch(self, job: UUID) -> Launch:
        claimed = dict(
            self.admin.execute("SELECT * FROM indexjob.claim(%s, 100, 100, 'test')", [self.epoch]).fetchall()
        )
        return Launch(job, claimed[job], self.one("SELECT indexjob.launch_token(%s, %s)", job, claimed[job]))

    def run(self, job: UUID) -> Launch:
        launch = self.launch(job)
        self.one("SELECT indexjob.record_running(%s, %s, %s)", self.epoch, launch.job_id, launch.number)
        return launch

    def end(
        self, launch: Launch, reason: str = "PermanentError", message: str = "RevisionNotFound: there is no such branch"
    ) -> None:
        outcome = [{"id": str(launch.job_id), "launch": launch.number, "reason": reason, "message": message}]
        self.admin.execute("SELECT indexjob.record_finished(%s, %s)", [self.epoch, Jsonb(outcome)])

    def fail(self, job: UUID) -> None:
        self.end(self.launch(job))


@pytest.fixture
def admin(database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


@pytest.fixture
def queue(admin: psycopg.Connection[Any]) -> Queue:
    return Queue(admin)


@pytest.fixture
def index(queue: Queue) -> UUID:
    """An index of three Python files in a circle, one of them broken, published by the id that is given."""
    job = queue.enqueue()
    launch = queue.run(job)
    writer = IndexWriter(queue.admin, launch, 1)
    paths = {"a.py": "Alpha", "b.py": "beta", "c.py": "gamma"}
    blobs = [
        Blob(
            BlobKey(f"{place}" * 40, "python"),
            100,
            10,
            "syntax_error" if name == "gamma" else "ok",
            [(0, None, "class" if name == "Alpha" else "function", name, 1, 0, 5, f"def {name}()", "What for.", True)],
            [("call", "Alpha", line, 4, 0, None, None) for line in range(place)],
            [],
        )
        for place, name in enumerate(paths.values())
    ]
    contents = writer.store(blobs)
    files = [
        File(path, path.encode(), blob.status, contents[blob.key].id, 100)
        for path, blob in zip(paths, blobs, strict=True)
    ]
    edges = [("a.py", "b.py"), ("b.py", "c.py"), ("c.py", "a.py"), ("c.py", "b.py")]
    dependencies: list[DependencyRow] = [(path, target, target[0], "internal") for path, target in edges]
    graph = Graph(b"g" * 20, (dependencies, (Cycle(3, ["a.py", "b.py", "c.py"]),)))
    writer.publish(COMMIT, files, graph, {"clone": 0.25, "store": 0.5})
    queue.end(launch, "Completed", "")
    return job
