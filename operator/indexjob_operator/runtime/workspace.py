"""One directory for each launch of the local runtime, and what was left behind by a dispatcher that was killed.

Two locks tell the truth without pids, which are used again: `owner` is held by the dispatcher, `alive` by every process of the launch (they
inherit it) and nobody else. A directory whose `owner` is free was abandoned. What holds `alive` is killed by its process group, in an abandoned
directory, and in one of a dispatcher that was deposed but lives on, perhaps frozen: once nothing holds `alive`, nothing of the launch runs, and with its
directory gone nothing more of it can start.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KILL_SECONDS = 5.0
DISPATCHER = "indexjob-dispatcher"

Identity = tuple[int, int] | None
"""Of a file: device and inode; None for one that is gone."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """A launch's directory, for as long as `owner` is open."""

    path: Path
    owner: int

    @contextmanager
    def alive(self) -> Iterator[int]:
        """The descriptor that the next process inherits.

        Raises:
            OSError: something of the launch still runs, or it has been taken down.
        """
        descriptor = _lock_soon(self.path / "alive")
        if descriptor is None:
            msg = f"the launch {self.path.name} was taken down, or does not end"
            raise OSError(msg)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def note_group(self, group: int) -> None:
        """Leave behind which process group to kill, should this process not be there to do it."""
        (self.path / "group").write_text(str(group))

    def remove(self) -> None:
        """Delete it, and everything in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self.owner)


class Workspaces:
    """The directory that holds them; nobody but this user can look inside."""

    def __init__(self, root: Path) -> None:
        self.root = root
        _marked()
        root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def make(self, name: str) -> Workspace:
        """An empty directory for this launch; what another dispatcher has of it is taken down before.

        Its name ends in something random: a dispatcher that was deposed and wakes up must not find its successor's directory under the old path.
        """
        staging = Path(mkdtemp(prefix=f".{name}.", dir=self.root))
        (staging / "alive").touch(mode=0o600)
        owner = _lock(staging / "owner")
        if owner is None:  # pragma: no cover - swept away as abandoned in this very moment
            msg = f"the workspace {name} is locked by another process"
            raise OSError(msg)
        try:
            self.take_down(name)
            path = staging.rename(
                staging.with_name(staging.name.removeprefix("."))
            )  # appears with its lock held, so that nobody takes it for abandoned
        except OSError:
            shutil.rmtree(staging, ignore_errors=True)
            os.close(owner)
            raise
        return Workspace(path, owner)

    def take_down(self, name: str) -> None:
        """End what runs of this launch, whoever started it, and delete its directory; nothing of that name is fine.

        Raises:
            OSError: its processes don't end.
        """
        if [path for path in self.root.glob(f"{name}.*") if not _clear(path)]:
            msg = f"the processes of the launch {name} do not end"
            raise OSError(msg)

    def clear_abandoned(self) -> list[str]:
        """Kill and delete what dead dispatchers left behind; the names of those launches."""
        return [path.stem for path in self._abandoned() if _clear(path) and not path.name.startswith(".")]

    def _abandoned(self) -> Iterator[Path]:
        for path in sorted(self.root.iterdir()):
            lock = _lock(path / "owner") if path.is_dir() else None
            if lock is not None:
                yield path
                os.close(lock)


def _clear(path: Path) -> bool:
    """Kill what runs there and delete it, so that nothing more can start; whether nothing of it is left."""
    with ExitStack() as open_files:
        launch = _Holders(path, open_files)
        lock = _lock_soon(path / "alive", while_waiting=launch.kill)
        if lock is not None:
            open_files.callback(os.close, lock)
        elif launch.kill():
            return False
        shutil.rmtree(path, ignore_errors=True)
        return not launch.kill() and not path.is_dir()


class _Holders:
    """The processes of a launch: those that have its `alive` open, and are no dispatcher.

    Files are known by device and inode, and `alive` is kept open meanwhile, so that its inode is not given to another file. Dispatchers have it open too, to
    start a process, or while they take down the same launch at once; they are told by their mark.
    """

    def __init__(self, path: Path, open_files: ExitStack) -> None:
        self._group = path / "group"
        with suppress(OSError):
            open_files.callback(os.close, os.open(path / "alive", os.O_RDONLY))
        self._alive = _identity(path / "alive")

    def kill(self) -> bool:
        """Whether there were any. Where the system does not tell (no /proc), the last process group is killed, and the lock tells."""
        if self._alive is None:
            return False
        if not _marked():
            with suppress(OSError, ValueError):
                os.killpg(int(self._group.read_text()), signal.SIGKILL)
            return _lock_is_taken(self._group.with_name("alive"))
        running = [pid for pid, files, dispatches in _open_files() if self._alive in files and not dispatches]
        for pid in running:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        return bool(running)


def _open_files() -> Iterator[tuple[int, set[Identity], bool]]:
    """Each process of ours that is not dead, with the files that it has open, and whether it is a dispatcher."""
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with suppress(OSError):
                links = list((process / "fd").iterdir())
                yield int(process.name), {_identity(link) for link in links} - {None}, any(map(_is_mark, links))


@cache
def _marked() -> bool:
    """This process is a dispatcher, and says so from now on: it holds a file of that name, which no program that it starts inherits.

    For good, because files are looked at one after the other: of a mark that came and went with `alive` a look may miss the one and see the other. False where
    the system has no such file, or doesn't tell who holds which.
    """
    if not hasattr(os, "memfd_create") or not Path("/proc/self/fd").is_dir():
        return False
    os.memfd_create(DISPATCHER)
    return True


def _is_mark(link: Path) -> bool:
    try:
        return str(link.readlink()).startswith(f"/memfd:{DISPATCHER} ")
    except OSError:
        return False


def _identity(path: Path) -> Identity:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _lock_is_taken(path: Path) -> bool:
    lock = _lock(path)
    if lock is not None:
        os.close(lock)
    return lock is None and path.exists()


def _lock_soon(path: Path, while_waiting: Callable[[], object] = lambda: None) -> int | None:
    """The lock as soon as it is free; None if it stays taken, or its directory is gone."""
    deadline = time.monotonic() + KILL_SECONDS
    while (descriptor := _lock(path)) is None and path.parent.is_dir() and time.monotonic() < deadline:
        if while_waiting() is False:
            break
        time.sleep(0.01)
    return descriptor


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
