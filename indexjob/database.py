"""Which database, and what to say when it can't be used.

`INDEXJOB_DATABASE_URL` names it, or a file that holds the URL, or a directory with such files (a mounted Secret); without either it is the embedded
one, which is then also migrated, because nobody else will. What is said never repeats the URL: it may hold a password.
"""

from __future__ import annotations

import os
import re
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg
from psycopg import conninfo

from indexjob import migrations
from indexjob.database_errors import explain, explain_connecting, explain_migrating
from indexjob.errors import DatabaseUrlError, SchemaError
from indexjob.private_ca import trusting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

VARIABLE = "INDEXJOB_DATABASE_URL"
KEYS = ("migrate-url", "operator-url", "worker-url", "url")
"""Of a mounted Secret: a login for each part, the one that may most first, or one for all."""
CONNECT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Database:
    """One database to work on. `place` says where it is, for people, `source` what named it; `folder` is the embedded one's."""

    url: str = field(repr=False)
    place: str
    folder: Path | None = None
    source: str = VARIABLE

    @contextmanager
    def connect(self, *, check_version: bool = True) -> Iterator[psycopg.Connection]:
        """A connection in autocommit; what goes wrong while it is used is told in a sentence, too.

        Raises:
            ClearError: of a kind that says what is wrong.
        """
        try:
            connection = psycopg.connect(self.url, autocommit=True, application_name="indexjob")
        except psycopg.Error as error:
            raise explain_connecting(error, self.url, self.place, self.source) from None
        with connection, told(self.place):
            if check_version:
                check_schema(connection)
            yield connection

    @asynccontextmanager
    async def connect_async(self) -> AsyncIterator[psycopg.AsyncConnection]:
        """The same for the queue's functions. The schema's version is looked at first."""
        with self.connect():
            pass
        try:
            connection = await psycopg.AsyncConnection.connect(
                self.url, autocommit=True, prepare_threshold=None, application_name="indexjob"
            )
        except psycopg.Error as error:
            raise explain_connecting(error, self.url, self.place, self.source) from None
        async with connection:
            with told(self.place):
                yield connection


@contextmanager
def told(place: str) -> Iterator[None]:
    """Turns what the database reports into an error for people."""
    try:
        yield
    except psycopg.Error as error:
        if error.sqlstate is None and not isinstance(error, psycopg.OperationalError | psycopg.DataError):
            raise  # a fault of ours
        raise explain(error, place) from error


def check_schema(connection: psycopg.Connection) -> None:
    """Refuse a schema that this release doesn't work with.

    Raises:
        SchemaError: says which versions met, and what to do.
    """
    try:
        migrations.check_version(connection)
    except migrations.SchemaVersionError as error:
        raise SchemaError(str(error)) from None


@contextmanager
def open_database(url_file: Path | None = None) -> Iterator[Database]:
    """The database that is named, else the embedded one: running, migrated and open to local repositories for as long as the context lasts.

    Raises:
        ClearError: what names it is no URL, or the embedded one does not come up.
    """
    url, source = _named(url_file)
    if url is not None:
        yield Database(with_timeout(url, source), place(url), source=source)
        return
    from indexjob import embedded  # noqa: PLC0415  (not on every system, and only here needed)

    folder = embedded.default_folder()
    with embedded.running(folder) as dsn:
        database = Database(with_timeout(dsn, VARIABLE), f"the embedded Postgres in {folder}", folder)
        _prepare(database)
        yield database


def _prepare(database: Database) -> None:
    with database.connect(check_version=False) as connection:
        if migrations.applied_version(connection) < migrations.latest_version():
            migrate(connection)
        connection.execute("UPDATE indexjob.settings SET local_repositories = true WHERE NOT local_repositories")


def migrate(connection: psycopg.Connection) -> list[str]:
    """Bring the schema to this release's version; the names of the migrations that ran.

    Raises:
        SchemaError: the server is too old, or the schema too new.
        RefusedError: the login may not; says what it lacks, and whose the schema is.
    """
    try:
        return migrations.migrate(connection)
    except migrations.SchemaVersionError as error:
        raise SchemaError(str(error)) from None
    except psycopg.errors.InsufficientPrivilege as error:
        raise explain_migrating(error, connection) from error


def _named(url_file: Path | None) -> tuple[str | None, str]:
    """The URL and what it came from."""
    if url_file is None:
        return os.environ.get(VARIABLE, "").strip() or None, VARIABLE
    mounted = url_file if url_file.is_dir() else None
    if mounted:
        url_file = _key_in(mounted)
    try:
        url = url_file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "it is no text"
        raise DatabaseUrlError(
            f"The file {url_file}, which should hold the database's URL, cannot be read: {reason}."
        ) from None
    if not url:
        raise DatabaseUrlError(f"The file {url_file}, which should hold the database's URL, is empty.")
    return trusting(url, mounted) if mounted else url, str(url_file)


def _key_in(mounted: Path) -> Path:
    """The first key that a mounted Secret has; an empty one counts only if there is no other."""
    if found := [mounted / key for key in KEYS if (mounted / key).is_file()]:
        return next((path for path in found if path.stat().st_size), found[0])
    raise DatabaseUrlError(
        f"The Secret mounted at {mounted}, which should hold the database's URL, is missing or has none of its keys.",
        f"Give it this part's key ({', '.join(KEYS[:-1])}), or the key url, which serves for all.",
    )


def with_timeout(url: str, source: str) -> str:
    """The same connection string, with an end to waiting.

    Raises:
        DatabaseUrlError: it is none. Postgres's own message would repeat it.
    """
    try:
        parts = conninfo.conninfo_to_dict(url)
    except psycopg.Error:
        raise DatabaseUrlError(
            f"What {source} holds is no connection string for Postgres.",
            "Write postgresql://user@host:5432/database; in a password, %-encode whatever is no letter or digit.",
        ) from None
    return url if "connect_timeout" in parts else conninfo.make_conninfo(url, connect_timeout=str(CONNECT_SECONDS))


def place(url: str) -> str:
    """Where it is, without user and password: `host:port/database`."""
    try:
        parts = conninfo.conninfo_to_dict(url)
    except psycopg.Error:
        return "the database"
    host = str(parts.get("host") or parts.get("hostaddr") or os.environ.get("PGHOST") or "this machine")
    port = f":{parts['port']}" if parts.get("port") and not host.startswith("/") else ""
    name = f"/{parts['dbname']}" if parts.get("dbname") else ""
    return re.sub(r"\s+", " ", f"{host}{port}{name}")
