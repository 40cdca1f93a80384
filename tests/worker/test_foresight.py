"""The languages of a commit are known before the run asks for them, and nothing that is wrong with it stops the worker here."""

import subprocess
import time
from pathlib import Path

import pytest

from indexjob_worker.foresight import foresee
from indexjob_worker.pipe import NUMBERS
from indexjob_worker.workspace import Cloned, Workspace
from tests.worker.repositories import Repository


class Told:
    """A zygote that only listens."""

    def __init__(self) -> None:
        self.languages: list[int] = []

    def warm(self, number: int) -> None:
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
