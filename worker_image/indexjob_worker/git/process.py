"""Runs git under limits: time, bytes on disk, bytes of output; and leaves none of its helpers behind."""

import os
import resource
import selectors
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from indexjob_worker.errors import TooLargeError

STDERR_BYTES = 64 * 1024
LOOK_SECONDS = 0.2
"""How often the bytes on disk are counted while git runs."""


class Result(NamedTuple):
    """What a finished git left: its exit code (negative: the signal), its output, the end of what it said."""

    code: int
    stdout: bytes
    stderr: str


class Git:
    """git's program in one environment and one directory."""

    def __init__(self, directory: Path, environment: dict[str, str], disk_limit: int, used: Callable[[], int]) -> None:
        """`used` counts the bytes on disk, `disk_limit` says when it is too many."""
        self._directory = directory
        self._environment = environment
        self._disk_limit = disk_limit
        self._used = used

    def run(self, *arguments: str, memory_limit: int | None = None, **environment: str) -> Result:
        """Run one command to its end.

        Raises:
            TooLargeError: it wrote more to the disk than it may.
        """
        process = start(arguments, self._directory, self._environment | environment)
        limit(process.pid, resource.RLIMIT_FSIZE, self._disk_limit)
        if memory_limit is not None:
            limit(process.pid, resource.RLIMIT_AS, memory_limit)
        try:
            return self._attend(process)
        finally:
            end(process)

    def _attend(self, process: subprocess.Popen[bytes]) -> Result:
        stdout, stderr = bytearray(), bytearray()
        assert process.stdout is not None
        assert process.stderr is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ, stdout)
            selector.register(process.stderr, selectors.EVENT_READ, stderr)
            while selector.get_map():
                for key, _ in selector.select(LOOK_SECONDS):
                    data = os.read(key.fd, 65536)
                    key.data.extend(data)
                    if not data:
                        selector.unregister(key.fileobj)
                del stderr[:-STDERR_BYTES]
                if self._used() > self._disk_limit:
                    raise self._too_large()
        # Not reaped yet: until then its number is nobody else's, and `end` may kill by it.
        ended = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert ended is not None
        code = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
        if code in (-signal.SIGXFSZ, 128 + signal.SIGXFSZ) or b"File too large" in stderr:
            raise self._too_large()
        return Result(code, bytes(stdout), stderr.decode(errors="replace"))

    def _too_large(self) -> TooLargeError:
        return TooLargeError(
            f"The clone is larger than {self._disk_limit // 2**20} MiB; "
            "ask the administrator for a profile with a larger workspace."
        )


def start(
    arguments: Sequence[str],
    directory: Path,
    environment: dict[str, str],
    *,
    stdin: int = subprocess.DEVNULL,
    stderr: int = subprocess.PIPE,
) -> subprocess.Popen[bytes]:
    """Start git. It stays in our process group, so that what kills us by group kills it too."""
    return subprocess.Popen(
        ["git", "--no-pager", *arguments],
        cwd=directory,
        env=environment,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=stderr,
        close_fds=False,  # what was passed on to us to show that this launch lives is passed on; ours are not inheritable
    )


def limit(pid: int, resource_: int, value: int) -> None:
    """Set a limit that the process passes on to its helpers; one that has ended by now needs none."""
    with suppress(ProcessLookupError):
        resource.prlimit(pid, resource_, (value, value))


def end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing of it: git and its helpers are killed if they still run, pipes are closed, git is reaped."""
    if process.returncode is None:
        for pid in _stopped_family(process.pid):
            _signal(pid, signal.SIGKILL)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    process.wait()


def _stopped_family(pid: int) -> list[int]:
    """A process and its descendants, each stopped before its children are listed, so that none is missed."""
    found, pending = [], [pid]
    while pending:
        found.append(pending.pop())
        _signal(found[-1], signal.SIGSTOP)
        with suppress(OSError):
            pending += map(int, Path(f"/proc/{found[-1]}/task/{found[-1]}/children").read_text().split())
    return found


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
