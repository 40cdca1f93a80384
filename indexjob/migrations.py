"""Makes and upgrades the schema `indexjob`.

A small runner of our own, because what changes most here are functions, and the tools in the field know only scripts that run once:
`sql/migrations/` runs once each, in order and append-only; then `sql/functions/` and `sql/views/` are applied again. All of it is one transaction
under one advisory lock, so two that run at once do no harm and one that dies leaves nothing half done.
"""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

    import psycopg

LOCK = 0x1D3F_1B00
"""Advisory lock of the migration; the number only has to be ours."""

OLDEST_SERVER = 150_000


class SchemaVersionError(Exception):
    """The database's schema is not the one that this release works with."""


class Script(NamedTuple):
    """One SQL file: `version` is its number for a migration, 0 for what is applied each time."""

    version: int
    name: str
    sql: str


def migrations() -> list[Script]:
    """The append-only scripts, oldest first."""
    return [Script(int(path.name[:4]), path.name, path.read_text()) for path in _sql("migrations")]


def latest_version() -> int:
    """The schema version that this release brings."""
    return migrations()[-1].version


def _sql(folder: str) -> Iterator[Traversable]:
    return iter(
        sorted(
            (p for p in (files("indexjob") / "sql" / folder).iterdir() if p.name.endswith(".sql")), key=lambda p: p.name
        )
    )


def applied_version(connection: psycopg.Connection) -> int:
    """The version of the schema in this database; 0 where there is none."""
    known = connection.execute("SELECT to_regclass('indexjob.migrations') IS NOT NULL").fetchone()
    if not known or not known[0]:
        return 0
    row = connection.execute("SELECT coalesce(max(version), 0) FROM indexjob.migrations").fetchone()
    return int(row[0]) if row else 0


def check_version(connection: psycopg.Connection) -> None:
    """Refuse to work on a schema that is older than this release, or so new that it may have dropped what we use.

    Raises:
        SchemaVersionError: says which versions met, and what to do.
    """
    found, wanted = applied_version(connection), latest_version()
    if found == 0:
        msg = "This database has no IndexJob schema yet: run `indexjob migrate` as its owner."
        raise SchemaVersionError(msg)
    if found < wanted:
        msg = f"The schema is at version {found}, this release needs {wanted}: run `indexjob migrate` as the schema's owner."
        raise SchemaVersionError(msg)
    row = connection.execute(
        "SELECT bool_or(contracts_after <= %s) FROM indexjob.migrations WHERE version > %s", (wanted, wanted)
    ).fetchone()
    if row and row[0]:
        msg = f"The schema is at version {found}, too new for this release, which knows up to {wanted}: install a newer indexjob."
        raise SchemaVersionError(msg)


def migrate(connection: psycopg.Connection) -> list[str]:
    """Bring the schema to this release's version, and say which migrations ran.

    Needs the right to create a schema and roles. The connection must be outside of a transaction.

    A newer release's schema that this one still works with (one release back, after a rollback) is left as it is.

    Raises:
        SchemaVersionError: the server is older than Postgres 15, or the schema is too new.
    """
    if connection.info.server_version < OLDEST_SERVER:
        msg = f"Postgres {connection.info.server_version // 10000} is too old: IndexJob needs 15 or newer."
        raise SchemaVersionError(msg)
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        connection.execute("SET LOCAL check_function_bodies = off")
        connection.execute("SET LOCAL client_min_messages = warning")
        connection.execute("CREATE SCHEMA IF NOT EXISTS indexjob")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS indexjob.migrations ("
            " version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,"
            " contracts_after integer, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        done = applied_version(connection)
        if done > latest_version():
            check_version(connection)
            return []
        ran = [script for script in migrations() if script.version > done]
        for script in ran:
            connection.execute(script.sql.encode())
            connection.execute(
                "INSERT INTO indexjob.migrations (version, name, checksum) VALUES (%s, %s, %s)",
                (script.version, script.name, sha256(script.sql.encode()).hexdigest()),
            )
        for folder in ("functions", "views"):
            for path in _sql(folder):
                connection.execute(path.read_bytes())
    return [script.name for script in ran]
