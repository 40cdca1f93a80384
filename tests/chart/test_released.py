"""What is released is kept as it was, for the tests that upgrade from it."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest
from helm_python import Chart

from tests.chart.conftest import CHART, TOP
from tests.cluster.chart import released
from tests.cluster.machine.commands import UnfitError

if TYPE_CHECKING:
    from pathlib import Path


def test_chart_and_product_are_of_one_version() -> None:
    product = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["version"]
    with Chart.load(CHART) as chart:
        assert chart.version == chart.metadata["appVersion"] == product


def test_a_version_is_packaged_once(tmp_path: Path) -> None:
    made = released.keep(tmp_path / "charts")
    assert released.kept(tmp_path / "charts") == [made]
    before = made.read_bytes()
    with pytest.raises(UnfitError, match="Raise the version"):
        released.keep(tmp_path / "charts")
    assert made.read_bytes() == before


def test_what_was_kept_says_its_version() -> None:
    for path in released.kept():
        with Chart.load(path) as chart:
            assert path.name == f"{CHART.name}-{chart.version}.tgz"
