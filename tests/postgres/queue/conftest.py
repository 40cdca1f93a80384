"""A leader on a database of the test's own, whose invariants hold when the test ends."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.postgres.queue.leading import Leader


@pytest.fixture
def leader(database: str) -> Iterator[Leader]:
    with psycopg.connect(database, autocommit=True) as connection:
        leader = Leader(connection)
        yield leader
        leader.epoch = leader.value("SELECT epoch FROM indexjob.lease")
        assert leader.broken_invariants() == []
