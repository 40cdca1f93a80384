"""pytest's plugin that says at the end of a whole run which of the operator's rights nobody used: it then fails.

A run of some tests says nothing of that. Each test process hands what it saw to the one that began them.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster import rights
from tests.cluster.rights import Right

USED = pytest.StashKey[set[Right]]()
SURPLUS = pytest.StashKey[list[Right]]()
PARTIAL = pytest.StashKey[bool]()
"""Not the whole run is here: some tests were named, or left out."""


def pytest_configure(config: pytest.Config) -> None:
    config.stash[USED] = set()
    named = config.args_source is not pytest.Config.ArgsSource.TESTPATHS
    config.stash[PARTIAL] = named and not hasattr(config, "workerinput")  # whoever began the process knows


def pytest_deselected(items: list[pytest.Item]) -> None:
    for item in items[:1]:
        item.config.stash[PARTIAL] = True


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Of a process of pytest-xdist."""
    told = getattr(node, "workeroutput", {})
    node.config.stash[USED].update(Right(*each) for each in told.get("rights_used", ()))
    node.config.stash[PARTIAL] |= told.get("rights_partial", False)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    stash = session.config.stash
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["rights_used"] = [tuple(each) for each in stash[USED]]
        session.config.workeroutput["rights_partial"] = stash[PARTIAL]
    elif stash[USED] and not stash[PARTIAL] and session.exitstatus == pytest.ExitCode.OK and not _skipped(session):
        stash[SURPLUS] = sorted(right for right in rights.granted() if right not in stash[USED])
        if stash[SURPLUS]:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _skipped(session: pytest.Session) -> bool:
    """Whether a test of the cluster was: another kind of cluster can't do all."""
    reporter = session.config.pluginmanager.getplugin("terminalreporter")
    return any("tests/cluster/" in report.nodeid for report in reporter.stats.get("skipped", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if surplus := config.stash.get(SURPLUS, []):
        terminalreporter.section("granted by the chart and used by no test")
        for right in surplus:
            terminalreporter.line(str(right))
