"""No repository crashes the run, leaves the workspace, or hides a file: each kind of `fixtures/hostile`, for real."""

import time
from pathlib import Path

import pytest

from tests.fixtures.hostile.kinds import KINDS
from tests.worker.conftest import Queue, Worker
from tests.worker.repositories import Repository


@pytest.mark.parametrize("name", KINDS)
def test_hostile(name: str, worker: Worker, queue: Queue, tmp_path: Path) -> None:
    kind = KINDS[name]
    repository = Repository(tmp_path / "hostile.git")
    kind.build(repository)
    queue.launch(str(repository.path), "main")
    began = time.monotonic()
    spec = {"revision": "main", "limits": dict(kind.limits), "deadline_seconds": 120}
    code, outcome, printed = worker.clone(str(repository.path), **spec)
    if code == 0:
        code, outcome, printed = worker.end(worker.start_index(), timeout=120)
    assert outcome["reason"] == kind.reason, printed
    assert time.monotonic() - began < 100
    assert worker.leftovers() == []
    assert not list(tmp_path.rglob("owned"))
    found = queue.files()
    if kind.statuses is not None:
        assert found == kind.statuses, printed
    if kind.files is not None:
        assert len(found) == outcome["stats"]["files"] == kind.files
    assert not any("Traceback" in line for line in printed.splitlines())
