"""The worker's way to Postgres: the mounted credential, connections, and what their failures mean."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import psycopg
from psycopg import conninfo

from indexjob.index import AlreadyPublishedError, PublishError
from indexjob.index import FencedError as PublishFencedError
from indexjob.keepalive import NOTICE_WHO_IS_GONE
from indexjob.private_ca import trusting
from indexjob_worker.control import Control
from indexjob_worker.errors import DatabaseError, FencedError, InvalidRunSpecError
from indexjob_worker.journal import Journal

FENCED: Final = "This launch is over: its index job was cancelled, suspended, or went on in another launch."
LOST: Final = "Postgres could not be reached, or broke off."
PAUSES: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between the attempts to connect; then another pod may try."""
NOT_CURRENT: Final = "IJ002"


class Database:
    """What the mounted credential opens. The launch token proves which launch speaks."""

    def __init__(self, directory: Path, journal: Journal) -> None:
        """Raises: InvalidRunSpecError if the directory lacks one of its two files."""
        self._journal = journal
        self._url, self.launch_token = (_read(directory / name) for name in ("database-url", "launch-token"))
        journal.scrub.learn(self._url, self.launch_token)
        try:
            password = conninfo.conninfo_to_dict(self._url).get("password")
        except psycopg.ProgrammingError:
            raise InvalidRunSpecError("The mounted database-url is no connection string of Postgres.") from None
        journal.scrub.learn(str(password or ""), unquote(str(password or "")))
        self._url = trusting(self._url, directory)

    def connect(self, seconds: int = 10) -> psycopg.Connection[Any]:
        """One try, in autocommit. Without server-side prepared statements, for poolers that share sessions."""
        connection: psycopg.Connection[Any] = psycopg.connect(
            self._url,
            autocommit=True,
            prepare_threshold=None,
            connect_timeout=seconds,
            application_name="indexjob-worker",
            keepalives_idle=30,
        )
        connection.execute(NOTICE_WHO_IS_GONE)
        return connection

    def connect_patiently(self, control: Control) -> psycopg.Connection[Any]:
        """Several tries.

        Raises:
            DatabaseError: it stays away.
        """
        for pause in PAUSES:
            control.check()
            try:
                return self.connect()
            except psycopg.OperationalError as error:
                self._journal.warning("no_database", "Postgres cannot be reached", error=str(error))
            time.sleep(pause)
        with understood(self._journal):
            return self.connect()


@contextmanager
def understood(journal: Journal) -> Iterator[None]:
    """Turn what Postgres and the writer say into the errors of a run; what only a bug can cause passes through."""
    try:
        yield
    except PublishFencedError as error:
        raise FencedError(FENCED) from error
    except AlreadyPublishedError:
        raise
    except PublishError as error:
        raise DatabaseError(f"{error}.") from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        journal.warning("database_failed", "Postgres failed", error=str(error), sqlstate=error.sqlstate)
        raise DatabaseError(LOST) from error
    except psycopg.errors.InsufficientPrivilege as error:
        journal.warning("database_refused", "Postgres refused", error=str(error))
        raise DatabaseError("The worker's login lacks a right; grant it the role indexjob_worker.") from error
    except (psycopg.errors.UndefinedFunction, psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
        journal.warning("database_schema", "Postgres lacks something", error=str(error))
        raise DatabaseError("The database's schema is not of this worker's version; run `indexjob migrate`.") from error
    except psycopg.Error as error:
        if error.sqlstate == NOT_CURRENT:
            raise FencedError(FENCED) from error
        raise


def _read(path: Path) -> str:
    try:
        text = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRunSpecError(f"The database credential lacks {path.name}, or it cannot be read.") from error
    if not text:
        raise InvalidRunSpecError(f"The database credential's {path.name} is empty.")
    return text
