"""One directory for each launch of the local runtime, and what was left behind by a dispatcher that was killed.

Two locks tell the truth without pids, which are used again: `owner` is held by the dispatcher alone, `alive` by it and by every process of
the launch (they inherit it). A directory whose `owner` is free was abandoned; what still holds its `alive` then is killed by its process
group.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KILL_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Workspace:
    """A launch's directory: `alive` is the descriptor that its processes inherit."""

    path: Path
    alive: int
    owner: int

    def note_group(self, group: int) -> None:
        """Leave behind which process group to kill, should this process not be there to do it."""
        (self.path / "group").write_text(str(group))

    def remove(self) -> None:
        """Delete it, and everything in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self.alive)
        os.close(self.owner)


class Workspaces:
    """The directory that holds them; nobody but this user can look inside."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def make(self, name: str) -> Workspace:
        """An empty directory under this name, with both locks held."""
        path = self.root / name
        shutil.rmtree(path, ignore_errors=True)
        staging = self.root / f".{name}.{os.getpid()}"
        staging.mkdir(mode=0o700)
        owner, alive = _lock(staging / "owner"), _lock(staging / "alive")
        if owner is None or alive is None:  # pragma: no cover - nobody else knows this name
            msg = f"the workspace {name} is locked by another process"
            raise OSError(msg)
        staging.rename(path)  # appears with its locks held, so that nobody takes it for abandoned
        return Workspace(path, alive, owner)

    def clear_abandoned(self) -> list[str]:
        """Kill and delete what dead dispatchers left behind; the names of those launches."""
        return [path.name for path in self._abandoned() if _clear(path)]

    def _abandoned(self) -> Iterator[Path]:
        for path in sorted(self.root.iterdir()):
            lock = _lock(path / "owner") if path.is_dir() else None
            if lock is not None:
                yield path
                os.close(lock)


def _clear(path: Path) -> bool:
    deadline = time.monotonic() + KILL_SECONDS
    while (alive := _lock(path / "alive")) is None:
        with suppress(OSError, ValueError):
            os.killpg(int((path / "group").read_text()), signal.SIGKILL)
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    os.close(alive)
    shutil.rmtree(path, ignore_errors=True)
    return not path.name.startswith(".")


def _lock(path: Path) -> int | None:
    """A descriptor that holds the lock, or None while somebody else does."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
