"""The server that is measured: its own, durable as Postgres comes, unless INDEXJOB_BENCH_DATABASE_URL names one (as a superuser)."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import conninfo, sql

from indexjob import migrations
from indexjob.embedded import running

MEMORY = ("shared_buffers = '256MB'", "max_wal_size = '4GB'")
"""What nobody would leave as it comes on a server that is measured; everything else, and all durability, is Postgres's own default."""


@dataclass(frozen=True, slots=True)
class Server:
    """Databases are made on it and dropped again."""

    url: str

    @contextmanager
    def database(self, *, migrated: bool = True) -> Iterator[str]:
        """The DSN of a database of its own."""
        name = f"bench_{uuid4().hex[:12]}"
        self._administer("CREATE DATABASE {}", name)
        try:
            url = conninfo.make_conninfo(self.url, dbname=name)
            if migrated:
                with connect(url) as connection:
                    migrations.migrate(connection)
                    connection.execute("UPDATE indexjob.settings SET local_repositories = true")
            yield url
        finally:
            self._administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def _administer(self, command: str, name: str) -> None:
        with connect(self.url) as connection:
            connection.execute(sql.SQL(command).format(sql.Identifier(name)))


@contextmanager
def started() -> Iterator[Server]:
    """The named server, or one that lives as long as this context."""
    if named := os.environ.get("INDEXJOB_BENCH_DATABASE_URL"):
        yield Server(named)
        return
    with tempfile.TemporaryDirectory(prefix="indexjob-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        place = Path(folder) / "postgres"
        with running(place) as url, connect(url) as connection:
            for setting in MEMORY:
                connection.execute(sql.SQL("ALTER SYSTEM SET {}").format(sql.SQL(setting)))
        with running(place) as url:  # again: shared memory is taken at start
            yield Server(url)


def connect(url: str) -> psycopg.Connection:
    """Each statement its own transaction, as applications have it that set nothing."""
    return psycopg.connect(url, autocommit=True)


def settle(connection: psycopg.Connection) -> None:
    """Leave nothing of the round before to be done in the next one."""
    connection.execute("VACUUM ANALYZE")
    connection.execute("CHECKPOINT")
