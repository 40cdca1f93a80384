"""The chart as it was released: a packaged copy of each version, from which the upgrade to the present one is tried.

`python -m tests.cluster.chart.released` adds the present version's; that is part of releasing it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from helm_python import Chart
from helm_python.chart import package

from tests.cluster import rights
from tests.cluster.machine import builders
from tests.cluster.machine.commands import UnfitError

FOLDER = builders.REPOSITORY / "tests" / "fixtures" / "charts"


def version() -> str:
    """The present one."""
    with Chart.load(rights.CHART) as chart:
        return str(chart.version)


def following() -> str:
    """The one that would be released after it."""
    begin, _, patch = version().rpartition(".")
    return f"{begin}.{int(patch) + 1}"


def kept(folder: Path = FOLDER) -> list[Path]:
    """Those that there are; before the first release none."""
    return sorted(folder.glob("*.tgz"))


def keep(folder: Path = FOLDER) -> Path:
    """Packages the chart as it is now.

    Raises:
        UnfitError: that version has been released already, and is not made again.
    """
    made = folder / f"{rights.CHART.name}-{version()}.tgz"
    if made.exists():
        raise UnfitError(f"{made} is there: what was released stays as it was. Raise the version in Chart.yaml.")
    folder.mkdir(parents=True, exist_ok=True)
    return Path(package(rights.CHART, destination=folder))


if __name__ == "__main__":
    try:
        print(keep())
    except UnfitError as error:
        sys.exit(str(error))
