"""A process under test that tells of the fault points it has come to, and may be stopped, woken and killed there."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path


class Stoppable:
    """One process; with INDEXJOB_FAULT it stops itself at the named points, and says so on standard error."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], points: tuple[str, ...]) -> None:
        self.log: list[str] = []
        self.points = set(points)
        self._faults: list[str] = []
        self._told = 0
        self.process = subprocess.Popen(
            command,
            env=os.environ | environment | {"INDEXJOB_FAULT": ",".join(points)},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.log.append(line.rstrip())
            if line.startswith("fault: "):
                self._faults.append(line.removeprefix("fault: ").strip())
                self.points.discard(self._faults[-1])

    def stopped_at(self) -> str | None:
        """The point at which it has come to stand still, told once; None while it goes on, or has ended."""
        if self.process.poll() is not None or len(self._faults) == self._told or not stopped(self.process.pid):
            return None
        self._told += 1
        return self._faults[self._told - 1]

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGKILL, seconds: float = 120) -> int:
        """Signal it, wait for its end, and give back how it ended."""
        if self.process.poll() is None:
            self.send(number)
            self.send(signal.SIGCONT)
        code = self.process.wait(seconds)
        self._reader.join(60)
        assert self.process.stderr
        self.process.stderr.close()
        return code


def stopped(pid: int) -> bool:
    """It is stopped by a signal."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"
    except OSError:
        return False
