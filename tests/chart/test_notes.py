"""What Helm says after an installation, as far as it can be known without a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.chart.conftest import TRIAL

if TYPE_CHECKING:
    from tests.chart.conftest import Engine


def test_they_tell_the_next_three_commands(render: Engine) -> None:
    commands = [line.split("#")[0].strip() for line in render().notes.splitlines() if line.startswith("  ")][:3]
    assert commands == [
        "kubectl -n ij rollout status deployment/indexjob-operator",
        "helm -n ij test indexjob",
        "kubectl get indexjobs --all-namespaces --watch",
    ]
    assert "MISSING" not in render().notes


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "Workers may connect to port 5432 of any address"),
        ({"networkPolicy": {"enabled": False}}, "may connect to anything"),
        ({"operator": {"replicas": 0}}, "nothing runs"),
        ({"credentialNamespaces": ["*"]}, "Secrets of every namespace"),
        ({"crds": {"keep": False}}, "removes every IndexJob"),
    ],
    ids=str,
)
def test_they_say_what_is_bold(render: Engine, values: dict[str, Any], words: str) -> None:
    assert words in render(values).notes


def test_they_say_what_the_trial_is(render: Engine) -> None:
    assert "throw-away Postgres" in render(base=TRIAL).notes


def test_a_careful_installation_has_nothing_to_note(render: Engine) -> None:
    assert "NOTE" not in render({"networkPolicy": {"database": {"cidr": "10.1.2.3/32"}}}).notes
