"""Directories of launches, and what a dispatcher that was killed left in them; with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from indexjob_operator.runtime.workspace import DISPATCHER, Workspaces

PROGRAM = """
import os, subprocess, sys
from pathlib import Path
from indexjob_operator.runtime.workspace import Workspaces
workspace = Workspaces(Path(sys.argv[1])).make("job-1")
with workspace.alive() as alive:
    child = subprocess.Popen(["sleep", "600"], start_new_session=True, pass_fds=(alive,))
workspace.note_group(child.pid)
print(child.pid, flush=True)
sys.stdin.read()
"""
AGAIN = """
try:
    with workspace.alive():
        print("started again")
except OSError as error:
    print(error)
"""


def test_a_workspace_is_private_and_goes_when_it_is_removed(tmp_path: Path) -> None:
    workspaces = Workspaces(tmp_path / "root")
    workspace = workspaces.make("job-1")
    assert (workspace.path.stat().st_mode & 0o777, workspaces.root.stat().st_mode & 0o777) == (0o700, 0o700)
    assert workspaces.clear_abandoned() == []
    workspace.remove()
    assert list(workspaces.root.iterdir()) == []


def test_what_a_killed_dispatcher_left_is_killed_and_cleared_but_never_a_living_ones(tmp_path: Path) -> None:
    dispatcher = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert dispatcher.stdin
    assert dispatcher.stdout
    with dispatcher.stdin, dispatcher.stdout:
        worker = int(dispatcher.stdout.readline())
        workspaces = Workspaces(tmp_path)
        assert workspaces.clear_abandoned() == [], "its owner lives"
        dispatcher.send_signal(signal.SIGKILL)
        dispatcher.wait()
        os.kill(worker, 0)
        assert workspaces.clear_abandoned() == ["job-1"]
    assert list(tmp_path.iterdir()) == []
    assert not is_running(worker)


def test_a_frozen_dispatchers_launch_is_taken_down_and_can_start_nothing_more(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM + AGAIN, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as dispatcher:
        assert dispatcher.stdin
        assert dispatcher.stdout
        worker = int(dispatcher.stdout.readline())
        dispatcher.send_signal(signal.SIGSTOP)
        workspaces = Workspaces(tmp_path)
        workspaces.take_down("job-1")
        assert not is_running(worker)
        assert list(tmp_path.iterdir()) == []
        workspaces.make("job-1").remove()
        dispatcher.send_signal(signal.SIGCONT)
        dispatcher.stdin.close()
        assert "was taken down" in dispatcher.stdout.read()


def test_the_same_launch_made_again_ends_what_ran_under_its_name(tmp_path: Path) -> None:
    workspaces = Workspaces(tmp_path)
    first = workspaces.make("job-1")
    with first.alive() as alive:
        worker = subprocess.Popen(["sleep", "600"], start_new_session=True, pass_fds=(alive,))
    first.note_group(worker.pid)
    second = workspaces.make("job-1")
    assert worker.wait() == -signal.SIGKILL
    second.remove()
    first.remove()


def is_running(pid: int) -> bool:
    for _ in range(100):
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return False
        time.sleep(0.02)
    return True


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="tells processes by /proc, which is Linux's")
@pytest.mark.parametrize(("name", "killed"), [(DISPATCHER, False), ("another", True)])
def test_two_dispatchers_that_clear_the_same_launch_at_once_spare_each_other(
    tmp_path: Path, name: str, killed: bool
) -> None:
    launch = tmp_path / "job-1.x"
    launch.mkdir()
    (launch / "alive").touch()
    program = "import os, sys; a = open(sys.argv[1]); m = os.memfd_create(sys.argv[2]); print('open', flush=True); sys.stdin.read()"
    other = subprocess.Popen(
        [sys.executable, "-c", program, launch / "alive", name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with other:
        assert other.stdout
        assert other.stdin
        other.stdout.readline()
        Workspaces(tmp_path).clear_abandoned()
        other.stdin.close()
        assert (other.wait(60) == -signal.SIGKILL) is killed
    assert not launch.exists()
