"""One long-running process of the cluster: started, found again, ended; its log at hand."""

import os
import signal
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.machine.commands import UnfitError, environment, until
from tests.cluster.machine.place import Place

GRACE = 5.0  # seconds; an API server with an open watch doesn't end by itself for 30 and more
PATIENCE = 300.0
LOG_LINES = 20


class NotReadyError(UnfitError):
    """A component died or didn't come up in time; the end of its log says why."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """What to run under `name`, the TCP ports it takes, and how to know that it serves."""

    place: Place
    name: str
    argv: tuple[str, ...]
    ready: Callable[[], bool]
    ports: tuple[int, ...] = ()
    extra: tuple[tuple[str, str], ...] = ()  # environment variables

    @property
    def log(self) -> Path:
        return self.place.logs / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """The process that was started under this name, if it still is that one: pid and time of birth both match."""
        with suppress(OSError, ValueError):
            pid, birth = self._record.read_text().split()
            if born(int(pid)) == birth:
                return int(pid)
        return None

    @property
    def _record(self) -> Path:
        return self.place.root / f"{self.name}.pid"

    def start(self) -> None:
        """Starts it unless it runs.

        Raises:
            UnfitError: another process has one of its ports.
        """
        if self.pid:
            return
        for port in self.ports:
            if taken(port):
                raise UnfitError(f"{self.name} needs port {port}, which another process has: end that one first")
        pid = self._spawn()
        self._record.write_text(f"{pid} {born(pid)}")

    def _spawn(self) -> int:
        """A process in a session of its own that outlives this one; its output goes to the end of its log."""
        with self.log.open("ab") as log, Path(os.devnull).open("rb") as nothing:
            streams = [(os.POSIX_SPAWN_DUP2, nothing.fileno(), 0)]
            streams += [(os.POSIX_SPAWN_DUP2, log.fileno(), stream) for stream in (1, 2)]
            argv = ["env", "-C", str(self.place.root), *self.argv]
            return os.posix_spawnp("env", argv, environment(dict(self.extra)), file_actions=streams, setsid=True)

    def wait(self, seconds: float = PATIENCE) -> None:
        """Returns once it serves.

        Raises:
            NotReadyError: it died, or doesn't serve in time.
        """
        served = until(lambda: self.pid is None or self.ready(), seconds)
        if self.pid is None:
            raise NotReadyError(f"{self.name} ended.\n{self.tail()}")
        if not served:
            raise NotReadyError(f"{self.name} is not ready after {seconds:.0f} s.\n{self.tail()}")

    def stop(self) -> None:
        """Ends it: asked first, killed after a grace period."""
        for wish in (signal.SIGTERM, signal.SIGKILL):
            if pid := self.pid:
                with suppress(ProcessLookupError):
                    os.kill(pid, wish)
                until(lambda: self.pid is None, GRACE)
        self._record.unlink(missing_ok=True)

    def kill(self) -> None:
        """Ends it as a crash would: at once, with nothing tidied up."""
        if pid := self.pid:
            kill([pid])
            until(lambda: self.pid is None, GRACE)

    def tail(self) -> str:
        try:
            lines = self.log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        except FileNotFoundError:
            lines = ["(there is none)"]
        return "\n".join([f"{self.log} ends:", *lines])


def born(pid: int) -> str | None:
    """A process's time of birth in ticks since boot (with it the pid names one process for good); None once dead."""
    with suppress(OSError):
        os.waitpid(pid, os.WNOHANG)  # ours to reap if this process started it
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def kill(pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def taken(port: int) -> bool:
    """Whether some process listens on that TCP port, at whatever address."""
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        with suppress(OSError), socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return True
    return False
