"""kubectl from PyPI, as one callable bound to a kubeconfig."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.machine.commands import CommandFailedError, run


@dataclass(frozen=True, slots=True)
class Kubectl:
    kubeconfig: Path

    def __call__(self, *words: str, stdin: str | None = None) -> str:
        """What kubectl printed; raises CommandFailedError with its own words."""
        return run(*self.argv(*words), stdin=stdin)

    def holds(self, *words: str) -> bool:
        """Whether kubectl ended well: for `wait` and `rollout status`, whether it came true in time."""
        try:
            self(*words)
        except CommandFailedError:
            return False
        return True

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Kubectl as a process of its own, for what goes on beside the test (a watch, a port-forward)."""
        return subprocess.Popen(self.argv(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def argv(self, *words: str) -> list[str]:
        return [str(Path(sys.executable).parent / "kubectl"), f"--kubeconfig={self.kubeconfig}", *words]
