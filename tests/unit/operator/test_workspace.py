"""Directories of launches, and what a dispatcher that was killed left in them; with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from indexjob_operator.runtime.workspace import Workspaces

DISPATCHER = """
import os, subprocess, sys
from pathlib import Path
from indexjob_operator.runtime.workspace import Workspaces
workspace = Workspaces(Path(sys.argv[1])).make("job-1")
child = subprocess.Popen(["sleep", "600"], start_new_session=True, pass_fds=(workspace.alive,))
workspace.note_group(child.pid)
print(child.pid, flush=True)
sys.stdin.read()
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
        [sys.executable, "-c", DISPATCHER, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
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


def is_running(pid: int) -> bool:
    for _ in range(100):
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return False
        time.sleep(0.02)
    return True
