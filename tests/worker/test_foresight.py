"""The languages of a commit are known before the run asks for them, and nothing that is wrong with it stops the worker here."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from indexjob_worker import child
from indexjob_worker.foresight import foresee
from indexjob_worker.pipe import NUMBERS
from indexjob_worker.workspace import Cloned, Workspace
from indexjob_worker.zygote import fork_zygote
from tests.worker.repositories import Repository


class Told:
    """A zygote that only listens."""

    def __init__(self) -> None:
        self.languages: list[int] = []

    def warm_soon(self, number: int) -> None:
        self.languages.append(number)


@pytest.fixture
def cloned(tmp_path: Path) -> tuple[Workspace, str]:
    repository = Repository(tmp_path / "origin")
    repository.commit({"a.go": "package a\n", "b.py": "", "c.py": "", "README.md": ""})
    workspace = Workspace(tmp_path / "workspace")
    workspace.begin()
    subprocess.run(["git", "clone", "-q", "--bare", repository.path, workspace.repository], check=True)
    return workspace, repository._tip("main")


def foreseen(workspace: Workspace, commit: str, *, unchanged: bool = False) -> list[int]:
    workspace.leave(Cloned(time.time(), 0.1, commit, unchanged))
    told = Told()
    foresee(told, workspace.directory)
    return told.languages


def test_the_most_used_comes_first(cloned: tuple[Workspace, str]) -> None:
    assert foreseen(*cloned) == [NUMBERS["python"], NUMBERS["go"]]


def test_nothing_is_made_ready_for_what_is_unchanged_or_broken_or_not_there(cloned: tuple[Workspace, str]) -> None:
    workspace, commit = cloned
    assert foreseen(workspace, commit, unchanged=True) == []
    assert foreseen(workspace, "0" * 40) == []
    workspace.empty()
    foresee(told := Told(), workspace.directory)
    assert told.languages == []


def test_what_is_asked_for_does_not_wait_for_what_is_only_foreseen(monkeypatch: pytest.MonkeyPatch) -> None:
    began, tell = os.pipe()
    allowed, allow = os.pipe()

    def warm_up(number: int) -> None:
        os.write(tell, bytes([number]))
        os.read(allowed, 1)

    monkeypatch.setattr(child, "load", list)
    monkeypatch.setattr(child, "warm_up", warm_up)
    zygote = fork_zygote()
    zygote.warm_soon(0)
    assert os.read(began, 1) == b"\0"
    zygote.warm_soon(1)
    zygote.warm_soon(2)
    zygote.warm(3)
    os.write(allow, b"1")
    assert os.read(began, 1) == b"\3"
    os.write(allow, b"123")
    assert os.read(began, 2) in (b"\1", b"\1\2")
    zygote.close()
    for descriptor in (began, tell, allowed, allow):
        os.close(descriptor)
