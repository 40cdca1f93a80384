"""The cgroup that all of the cluster's pods live under, in version 1 and in version 2.

It is made beforehand in every hierarchy, so that the end of the cluster knows which cgroups and processes are its.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.cluster.machine.commands import until
from tests.cluster.machine.daemon import kill
from tests.cluster.machine.place import Place

BASE = Path("/sys/fs/cgroup")
PATIENCE = 60.0


def make(place: Place) -> None:
    for root in roots(place):
        root.mkdir(exist_ok=True)


def clear(place: Place) -> None:
    """Kills what runs in them and removes them."""

    def cleared() -> bool:
        for root in roots(place):
            _clear(root)
        return not any(root.exists() for root in roots(place))

    until(cleared, PATIENCE)


def roots(place: Place) -> list[Path]:
    return [hierarchy / place.cgroup for hierarchy in _hierarchies()]


def members(place: Place) -> Iterator[int]:
    """The processes of all pods."""
    for root in roots(place):
        for file in root.rglob("cgroup.procs"):
            with suppress(OSError):
                yield from map(int, file.read_text().split())


def _hierarchies() -> list[Path]:
    if (BASE / "cgroup.procs").exists():
        return [BASE]
    return [path for path in BASE.iterdir() if (path / "cgroup.procs").exists() and not path.is_symlink()]


def _clear(root: Path) -> None:
    """Children first; a folder whose processes are still dying stays for the next try."""
    for folder, _, _ in os.walk(root, topdown=False):
        with suppress(OSError):
            kill(pid for pid in map(int, Path(folder, "cgroup.procs").read_text().split()) if pid)
            Path(folder).rmdir()
