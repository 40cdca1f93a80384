"""A first try is one command: a throw-away Postgres, an operator, and a test that needs nothing else."""

import json

import pytest

from tests.cluster.chart.conftest import TRIAL
from tests.cluster.chart.release import NAME, OPERATOR, Release


@pytest.mark.usefixtures("postgres_pod_image")
def test_one_command_gives_a_running_operator_and_helm_test_indexes_the_sample(release: Release) -> None:
    """In a namespace that takes only restricted pods, under the chart's own policies. The second time there is nothing new to index."""
    notes = release.install(TRIAL)
    assert "throw-away Postgres" in notes
    assert "MISSING" not in notes
    release.wait_until_ready()
    assert "is at version" in release.migration_log()
    for _ in range(2):
        release.helm.test(NAME, timeout=600)
    listed = release.space("exec", OPERATOR, "--", "indexjob", "list", "--output", "json")
    assert {job["repository"] for job in json.loads(listed)} == {"https://sample.invalid/indexjob"}
    release.upgrade(TRIAL, {"queue": {"concurrency": 3}})
    release.wait_until_ready()
    release.helm.test(NAME, timeout=600)
