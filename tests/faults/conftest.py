"""A world for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.world import World


@pytest.fixture
def world(database: str, tmp_path: Path) -> Iterator[World]:
    world = World(database, tmp_path)
    yield world
    world.close()
