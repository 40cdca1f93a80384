"""The real Postgres under the tests: one server a run, one migrated template, one database a test."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import hypothesis
import psycopg
import pytest
from psycopg import conninfo, sql

from indexjob import embedded, migrations
from tests.own_server import OwnServer

if hypothesis.settings.get_current_profile_name() == "default":
    hypothesis.settings.register_profile(
        "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A superuser's DSN: the server that INDEXJOB_TEST_DATABASE_URL names, else one of the tests' own, of the programs in INDEXJOB_TEST_POSTGRES_BIN or the embedded one."""
    if named := os.environ.get("INDEXJOB_TEST_DATABASE_URL"):
        yield named
        return
    if programs := os.environ.get("INDEXJOB_TEST_POSTGRES_BIN"):
        with tempfile.TemporaryDirectory(prefix="ijt-") as folder:
            Path(folder).chmod(0o711)
            own = OwnServer(Path(folder), Path(programs), synchronous_commit="off")
            own.start()
            yield own.dsn
            own.stop()
        return
    with tempfile.TemporaryDirectory(prefix="ijt-") as folder:
        Path(folder).chmod(0o711)  # for root the server runs as another account, which passes through
        with embedded.running(Path(folder) / "pg") as url:
            (Path(folder) / "pg/server/data/pg_hba.conf").write_text("local all all trust\n")  # tests log in as anybody
            with psycopg.connect(url, autocommit=True) as connection:
                for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off", "jit = off"):
                    connection.execute(f"ALTER SYSTEM SET {setting}")
                connection.execute("SELECT pg_reload_conf()")
            yield url


@pytest.fixture(scope="session")
def template(server: str) -> Iterator[str]:
    """The name of a database that is migrated and otherwise empty."""
    name = f"template_{uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    with psycopg.connect(with_database(server, name), autocommit=True) as connection:
        migrations.migrate(connection)
        connection.execute("UPDATE indexjob.settings SET local_repositories = true")
    yield name
    drop_database(server, name)


@pytest.fixture
def database(server: str, template: str) -> Iterator[str]:
    """DSN of a migrated database of the test's own; local repositories are allowed in it."""
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
        # A template doesn't hand on which database it is; neither must its copy claim to be the same.
    url = with_database(server, name)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE indexjob.instance SET id = gen_random_uuid()")
    yield url
    drop_database(server, name)


@pytest.fixture
def empty_database(server: str) -> Iterator[str]:
    """DSN of a database without our schema."""
    name = f"empty_{uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield with_database(server, name)
    drop_database(server, name)


def with_database(url: str, name: str) -> str:
    """The same server, another database."""
    return conninfo.make_conninfo(url, dbname=name)


def drop_database(server: str, name: str) -> None:
    """Remove a test's database, whoever is still connected to it."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
