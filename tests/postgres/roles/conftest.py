"""Real logins: each is a member of the given roles and nothing more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from uuid import uuid4

import psycopg
import pytest
from psycopg import conninfo, sql

from tests.postgres.queue.leading import Leader

Login = Callable[..., psycopg.Connection]


@pytest.fixture
def admin(database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


@pytest.fixture
def leader(admin: psycopg.Connection) -> Leader:
    return Leader(admin)


@pytest.fixture
def tenants(admin: psycopg.Connection) -> Iterator[dict[str, str]]:
    """Two tenants and the role of each."""
    roles = {name: f"tenant_{name}_{uuid4().hex[:8]}" for name in ("red", "blue")}
    for name, role in roles.items():
        admin.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
        admin.execute("INSERT INTO indexjob.tenants (name, role) VALUES (%s, %s)", (name, role))
    yield roles
    for role in roles.values():
        admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


@pytest.fixture
def login(admin: psycopg.Connection, database: str, tenants: dict[str, str]) -> Iterator[Login]:
    names: list[sql.Identifier] = []
    with ExitStack() as stack:

        def connect(*roles: str, **options: object) -> psycopg.Connection:
            name = f"login_{uuid4().hex[:12]}"
            granted = sql.SQL(", ").join(sql.Identifier(tenants.get(role, role)) for role in roles)
            made = sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(sql.Identifier(name))
            admin.execute(made + sql.SQL(" IN ROLE ") + granted if roles else made)
            names.append(sql.Identifier(name))
            dsn = conninfo.make_conninfo(database, user=name, password="x", **options)
            return stack.enter_context(psycopg.connect(dsn, autocommit=True))

        yield connect
    for name in names:
        admin.execute(sql.SQL("DROP OWNED BY {}").format(name))
        admin.execute(sql.SQL("DROP ROLE {}").format(name))
