"""A second cluster beside the one that the tests run on, in a network and mount namespace of its own.

Its end, and what an interrupted boot leaves, can be looked at without touching the cluster that other tests use.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.machine import cgroups
from tests.cluster.machine.commands import attempt, environment, run, until
from tests.cluster.machine.components import REPOSITORY
from tests.cluster.machine.network import SYSCTLS
from tests.cluster.machine.place import Place

OUTSIDE = ("/var/lib/cni", "/var/lib/kubelet", "/var/log/containers", "/run/containerd")  # of any cluster's root
Traces = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Aside:
    place: Place
    holder: int  # the process that keeps the namespaces

    def __call__(self, *words: str) -> str:
        """Runs a command in there."""
        return run(*self._entering(*words))

    def cluster(self, command: str) -> str:
        """`python -m tests.cluster` in there."""
        return self(*self._cluster(command))

    def begin(self, command: str) -> subprocess.Popen[bytes]:
        """The same, as a process to be interrupted."""
        argv = self._entering(*self._cluster(command))
        return subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment())

    def traces(self) -> Traces:
        """All that a cluster could leave, its own or not, line by line: what is in a later one alone was left between.

        The other way round says nothing: mounts of the other cluster's pods, of which this namespace began with copies, go with those pods.
        """
        readings = {
            "mounts": ("cat", "/proc/self/mounts"),
            "links": ("ip", "-o", "link"),
            "routes": ("ip", "route"),
            "nftables": ("nft", "list", "ruleset"),
            "sysctls": ("grep", "", *(f"/proc/sys/{key.replace('.', '/')}" for key in SYSCTLS)),
            "files": ("find", *OUTSIDE, str(self.place.root.parent), "-maxdepth", "2"),
        }
        found = {(name, line) for name, words in readings.items() for line in self(*words).splitlines()}
        return frozenset(found | {("cgroups", str(root)) for root in cgroups.roots(self.place) if root.exists()})

    def _entering(self, *words: str) -> list[str]:
        return ["nsenter", "--target", str(self.holder), "--net", "--mount", "--", *words]

    def _cluster(self, command: str) -> list[str]:
        python = ["env", "-C", str(REPOSITORY), sys.executable, "-m", "tests.cluster"]
        return [*python, "--root", str(self.place.root), command]


@contextmanager
def aside(folder: Path) -> Iterator[Aside]:
    """An empty place of its own; whatever was booted in it is ended."""
    place = Place(folder / "root" / f"aside-{folder.name[-8:]}")
    place.root.parent.mkdir()
    made = [path for path in map(Path, OUTSIDE) if not path.exists()]
    for path in made:
        path.mkdir(parents=True)
    holding = ["unshare", "--net", "--mount", "--propagation", "private", "--", "sleep", "infinity"]
    with subprocess.Popen(holding) as holder:
        try:
            entered = Aside(place, holder.pid)
            assert until(lambda: attempt("readlink", f"/proc/{holder.pid}/exe") == "/usr/bin/sleep\n", seconds=240)
            entered("ip", "link", "set", "lo", "up")
            for outside in OUTSIDE:
                entered("mount", "-t", "tmpfs", "tmpfs", outside)
            try:
                yield entered
            finally:
                entered.cluster("down")
        finally:
            holder.kill()
            shutil.rmtree(place.turns, ignore_errors=True)
            for path in made:
                with suppress(OSError):  # the other cluster was booted meanwhile, and has it now
                    path.rmdir()
