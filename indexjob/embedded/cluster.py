"""Makes, starts and stops one data directory's server. Whoever calls is alone: `embedded.running` holds the lock."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from indexjob.errors import EmbeddedPostgresError

if TYPE_CHECKING:
    from indexjob.embedded.account import PostgresAccount
    from indexjob.embedded.binaries import Binaries

SOCKET = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 100
"""Bytes; the systems' own limits are 103 and 107."""
START_SECONDS = 120
STOP_SECONDS = 60
PATIENCE_SECONDS = 10
"""For a server that somebody left starting or stopping."""

CONFIGURATION = """
# The embedded server of indexjob: no network, nobody but the account that uses it.
listen_addresses = ''
unix_socket_permissions = 0700
"""


class Cluster:
    """The server whose files are in `folder`: `data`, and its `log` beside it."""

    def __init__(self, folder: Path, account: PostgresAccount, binaries: Binaries) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "log"
        self._account = account
        self._binaries = binaries
        self._sockets = socket_folder(folder)

    @property
    def dsn(self) -> str:
        """How its users connect. Everything is said, so that no PG… variable of theirs leads elsewhere."""
        host = str(self._sockets).replace("\\", "\\\\").replace("'", "\\'")
        return (
            f"host='{host}' port=5432 user='{self._account.login}' dbname=postgres sslmode=disable gssencmode=disable"
        )

    def ensure_running(self) -> None:
        """Make the data directory if there is none, and start its server if it isn't running.

        Raises:
            EmbeddedPostgresError: with Postgres's own last word.
        """
        self._account.make_folder(self.folder)
        self._account.make_folder(self._sockets)
        if not self.data.exists():
            self._initialise()
        made_by = (self.data / "PG_VERSION").read_text().strip()
        if made_by != self._binaries.major:
            raise EmbeddedPostgresError(
                f"The data in {self.data} is Postgres {made_by}'s, and the embedded one is {self._binaries.version}.",
                f"Move {self.folder} away (repositories can be indexed again), or bring the data over with pg_upgrade.",
            )
        if not self._is_answering() and not self._settles():
            self._start()

    def stop(self) -> None:
        """End it, if it runs: its users' connections are cut, what is committed stays."""
        if self._postmaster() is None:
            return
        stopped = self._run("pg_ctl", "stop", "-D", "data", "-m", "fast", "-w", "-t", str(STOP_SECONDS))
        if stopped.returncode != 0 and self._postmaster() is not None:
            self._run("pg_ctl", "stop", "-D", "data", "-m", "immediate", "-w", "-t", str(STOP_SECONDS))

    def _initialise(self) -> None:
        """In a place of its own, then renamed: an initdb that dies half-way leaves no data directory that looks like one."""
        half = self.folder / "new"
        shutil.rmtree(half, ignore_errors=True)
        made = self._run(
            *("initdb", "-D", half.name, "--username", self._account.login, "--auth-local=peer", "--auth-host=reject"),
            *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        )
        if made.returncode != 0:
            shutil.rmtree(half, ignore_errors=True)
            raise EmbeddedPostgresError(
                f"The embedded Postgres could not make its data directory: {last_word(made.stderr)}",
                f"Its place is {self.folder}; XDG_DATA_HOME names another, INDEXJOB_DATABASE_URL a server of your own.",
            )
        with (half / "postgresql.conf").open("a") as configuration:
            configuration.write(CONFIGURATION)
        half.rename(self.data)

    def _start(self) -> None:
        with suppress(FileNotFoundError):
            self.log.replace(self.log.with_name("log.old"))
        options = f"-k {shlex.quote(str(self._sockets))} -p 5432"
        started = self._run("pg_ctl", "start", "-D", "data", "-l", "log", "-w", "-t", str(START_SECONDS), "-o", options)
        if started.returncode != 0:
            said = self.log.read_text(errors="replace") if self.log.exists() else started.stderr
            raise EmbeddedPostgresError(
                f"The embedded Postgres did not start: {last_word(said)}", f"Its log is {self.log}."
            )

    def _is_answering(self) -> bool:
        """Somebody listens and takes connections. Asked of the socket: after a power loss `postmaster.pid` names a pid that may be anybody's."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            try:
                client.connect(str(self._sockets / SOCKET))
            except OSError:
                return False
        return self._pid_file()[7:8] == ["ready"]

    def _settles(self) -> bool:
        """Nobody answers: wait for a server that somebody left starting or stopping, end one that stays out of reach, clear a dead one's mark away.

        Whether there is one that answers after all.
        """
        until = time.monotonic() + PATIENCE_SECONDS
        while (pid := self._postmaster()) is not None and time.monotonic() < until:
            if self._is_answering():
                return True
            time.sleep(0.1)
        if pid is not None and _serves(pid, self._sockets):
            self.stop()
        with suppress(FileNotFoundError):
            (self.data / "postmaster.pid").unlink()
        return False

    def _pid_file(self) -> list[str]:
        """Lines: pid, data directory, start, port, socket's folder, address, shared memory, status."""
        try:
            return [line.strip() for line in (self.data / "postmaster.pid").read_text().splitlines()]
        except FileNotFoundError:
            return []

    def _postmaster(self) -> int | None:
        """The pid of this server's process, unless that is certainly gone."""
        first = self._pid_file()[:1]
        if not first or not first[0].isdigit():
            return None
        return int(first[0]) if _serves(int(first[0]), self._sockets) is not False else None

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """In our folder, with names relative to it: pg_ctl hands them to a shell. Through files: the server would keep a pipe open as long as it runs."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}
        with TemporaryFile("w+") as out, TemporaryFile("w+") as err:
            done = subprocess.run(
                [self._binaries[program], *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                check=False,
                cwd=self.folder,
                env=environment,
                **self._account.process(),
            )
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, out.read(), err.read())


def socket_folder(folder: Path) -> Path:
    """Beside the data, where nobody else gets in and nothing is cleaned up; a short name in /tmp where that path is too long for a socket."""
    if len(os.fsencode(folder / SOCKET)) <= LONGEST_SOCKET_PATH and not set(str(folder)) & set(',"'):
        return folder
    return Path("/tmp") / f"indexjob-{sha256(os.fsencode(folder)).hexdigest()[:16]}"  # noqa: S108  (made 0700, and its owner is checked)


def last_word(said: str) -> str:
    """The sentence of a log or of stderr that tells why."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    told = [found.group(1) for line in lines if (found := re.search(r"(?:FATAL|PANIC|error):\s+(.*)", line))]
    return (told or lines or ["it said nothing"])[-1].rstrip(".") + "."


def _serves(pid: int, sockets: Path) -> bool | None:
    """Whether this process is the server with its socket there; None where the system has no /proc to tell, and some process has the pid."""
    try:
        return os.fsencode(sockets) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        if Path("/proc/self").exists():
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False
    return None
