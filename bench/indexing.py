"""Index jobs run as the operator has them run: claimed by its functions, worked on by the worker's two commands as processes of their own."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from bench.server import Server, connect


@dataclass(frozen=True, slots=True)
class Indexed:
    """What one run said of itself. `seconds` is extraction and store: without clone and start-up."""

    seconds: float
    stats: dict[str, Any]
    parent_bytes: int
    """The most that the worker's own process held; its children hold one file each."""
    cpu_seconds: float
    """Processor time of `index`: the worker's own process, its children and git's, from their start to their end."""


class Indexer:
    """A database, and the commands on it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.connection = connect(url)
        self._url = url
        self._folder = folder
        self._epoch = self._one("SELECT indexjob.acquire_lease('bench', '1 day')")

    def index(self, repository: Path, revision: str = "HEAD", *, extractors: int | None = None) -> Indexed:
        """One index job from its row to its snapshot."""
        url = str(repository.resolve())
        job = self._one("SELECT indexjob.enqueue(%s, %s)", url, revision)
        claimed = self.connection.execute("SELECT id FROM indexjob.claim(%s, 10, 100, 'bench')", [self._epoch])
        assert claimed.fetchall() == [(job,)]
        token = self._one("SELECT indexjob.launch_token(%s, 1)", job)
        spec = {"job_id": str(job), "launch": 1, "tenant": "default", "repository": url, "clone_url": url}
        spec |= {"revision": revision, "local_repositories": True}
        limits = {"extractors": extractors, "clone_bytes": 2**40} if extractors else {"clone_bytes": 2**40}
        place = self._written(spec | {"limits": limits}, token)
        self._command(place, "clone")
        before = _cpu_of_ended_children()
        parent = self._command(place, "index", "--database-credentials", str(place / "credentials"))
        cpu = _cpu_of_ended_children() - before
        outcome = json.loads((place / "outcome").read_text())
        assert outcome["reason"] in {"Completed", "Unchanged"}, outcome
        ended = [{"id": str(job), "launch": 1, "reason": "Failed", "message": ""}]
        self.connection.execute("SELECT indexjob.record_finished(%s, %s)", [self._epoch, Jsonb(ended)])
        seconds = sum(value for step, value in outcome["steps"].items() if step != "clone")
        return Indexed(seconds, outcome["stats"], parent, cpu)

    def written_rows(self) -> dict[str, int]:
        """Rows inserted, updated and deleted so far, by table of the index."""
        time.sleep(1.2)  # statistics are passed on once a second
        self.connection.execute("SELECT pg_stat_clear_snapshot()")
        rows = self.connection.execute(
            "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables WHERE schemaname = 'indexjob' AND relname IN"
            " ('content', 'symbol', 'reference', 'import', 'manifest', 'manifest_file', 'graph', 'dependency', 'cycle', 'snapshot', 'publication')"
        )
        return dict(rows.fetchall())

    def _written(self, spec: dict[str, Any], token: str) -> Path:
        place = Path(tempfile.mkdtemp(dir=self._folder))
        (place / "run-spec.json").write_text(json.dumps(spec))
        (place / "credentials").mkdir()
        (place / "credentials" / "database-url").write_text(self._url)
        (place / "credentials" / "launch-token").write_text(token)
        return place

    @staticmethod
    def _command(place: Path, name: str, *more: str) -> int:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "indexjob_worker", name, "--run-spec", str(place / "run-spec.json")),
                *("--workspace", str(place / "workspace"), "--termination-message", str(place / "outcome"), *more),
            ],
            stderr=subprocess.PIPE,
            env=os.environ | {"POD_UID": place.name},
        )
        largest = 0
        while process.poll() is None:
            largest = max(largest, _peak_bytes(process.pid))
            try:
                process.communicate(timeout=0.02)
            except subprocess.TimeoutExpired:
                continue
        return largest

    def _one(self, query: str, *values: object) -> Any:
        row = self.connection.execute(query.encode(), values).fetchone()
        assert row
        return row[0]


@contextmanager
def indexer(server: Server) -> Iterator[Indexer]:
    """On a database of its own."""
    with server.database() as url, tempfile.TemporaryDirectory(prefix="indexjob-bench-") as folder:
        made = Indexer(url, Path(folder))
        try:
            yield made
        finally:
            made.connection.close()


def settle(connection: psycopg.Connection) -> None:
    connection.execute("CHECKPOINT")


def _cpu_of_ended_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _peak_bytes(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0)
