"""The logins that docs/operations.md has an administrator make are what the chart's Secret needs."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg

PAGE = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()
MEMBERS = "SELECT pg_has_role('ij_operator', 'indexjob_operator', 'member'), pg_has_role('ij_worker', 'indexjob_worker', 'member')"
STRANGERS = "SELECT pg_has_role('ij_worker', 'indexjob_operator', 'member'), pg_has_role('ij_worker', 'indexjob_reader', 'member')"


def test_the_pages_logins_have_the_roles_that_they_need(database: str) -> None:
    (block,) = re.findall(r"<!-- run: owner -->\n +```sql\n(.*?)```", PAGE, re.DOTALL)
    with psycopg.connect(database) as owner:
        owner.execute(block.encode())
        assert owner.execute(MEMBERS.encode()).fetchone() == (True, True)
        assert owner.execute(STRANGERS.encode()).fetchone() == (False, False)
        owner.rollback()
