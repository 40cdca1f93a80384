"""The owner, the database and the logins that docs/operations.md has people make are what the chart's Secret needs."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo

from indexjob import migrations
from tests.own_server import OwnServer, installed

PAGE = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()
MEMBERS = "SELECT pg_has_role('ij_operator', 'indexjob_operator', 'member'), pg_has_role('ij_worker', 'indexjob_worker', 'member')"
LIMITS = "SELECT running_cap, heartbeat_timeout, reset_limit FROM indexjob.settings"
STRANGERS = "SELECT pg_has_role('ij_worker', 'indexjob_operator', 'member'), pg_has_role('ij_worker', 'indexjob_reader', 'member')"


def block(who: str) -> list[str]:
    """The statements that the page has them run."""
    (found,) = re.findall(rf"<!-- run: {who} -->\n *```sql\n(.*?)```", PAGE, re.DOTALL)
    return [line.strip() for line in found.splitlines() if line.strip()]


@pytest.fixture
def own_server() -> Iterator[OwnServer]:
    """On which no migration has made any role yet."""
    with tempfile.TemporaryDirectory(prefix="ijt-") as folder:
        Path(folder).chmod(0o711)
        server = OwnServer(Path(folder), installed())
        server.start()
        yield server
        server.stop()


def test_the_pages_owner_migrates_and_makes_logins_with_the_roles_that_they_need(own_server: OwnServer) -> None:
    with psycopg.connect(own_server.dsn, autocommit=True) as administrator:
        for statement in block("administrator"):
            administrator.execute(statement.encode())
    database = conninfo.make_conninfo(own_server.dsn, user="ij_owner", dbname="indexjob")
    with psycopg.connect(database, autocommit=True) as owner:
        migrations.migrate(owner)
        for statement in block("owner"):
            owner.execute(statement.encode())
        assert owner.execute(MEMBERS.encode()).fetchone() == (True, True)
        assert owner.execute(STRANGERS.encode()).fetchone() == (False, False)
        assert migrations.migrate(owner) == [], "as each upgrade does"
    operator = conninfo.make_conninfo(own_server.dsn, user="ij_operator", dbname="indexjob")
    with psycopg.connect(operator, autocommit=True) as login:
        for statement in block("limits"):
            login.execute(statement.encode())
        assert login.execute(LIMITS).fetchone() == (50, timedelta(minutes=10), 5)
