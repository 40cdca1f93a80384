"""A whole run fails when the chart grants what no test's operator used; the rights are told by the API server's own words."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.chart.conftest import TOP
from tests.cluster import rights
from tests.cluster.rights import Right

if TYPE_CHECKING:
    from pathlib import Path

UNUSED = Right("operator", "", "pods", "delete")
CONFTEST = """
import pytest
from tests.cluster import rights, surplus

@pytest.fixture
def use(request):
    def use(half, but):
        mine = sorted(rights.granted())[half::2]
        request.config.stash[surplus.USED].update(right for right in mine if str(right) != but)
    return use
"""
TESTS = "def test_one(use): use({half}, {but!r})\n"


def run(folder: Path, *arguments: str, unused: str = "") -> tuple[int, str]:
    """Of two files of tests, each of which uses half of what there is."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "pytest.ini").write_text("[pytest]\ntestpaths = .\naddopts = -p tests.cluster.surplus\n")
    for half in (0, 1):
        (folder / f"test_{half}.py").write_text(TESTS.format(half=half, but=unused))
    paths = os.pathsep.join((str(TOP), os.environ.get("PYTHONPATH", "")))
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    environment = os.environ | {"PYTHONPATH": paths}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("processes", ["0", "2"])
def test_what_nobody_used_fails_a_whole_run(tmp_path: Path, processes: str) -> None:
    code, said = run(tmp_path, "-n", processes, unused=str(UNUSED))
    assert code == 1, said
    assert "granted by the chart and used by no test" in said
    assert f"\n{UNUSED}\n" in said
    code, said = run(tmp_path, "-n", processes)
    assert code == 0, said


@pytest.mark.parametrize("arguments", [["test_0.py"], ["-k", "test_0"], ["-n", "2", "-k", "test_0"]], ids=" ".join)
def test_some_tests_say_nothing_of_the_rest(tmp_path: Path, arguments: list[str]) -> None:
    code, said = run(tmp_path, *arguments, unused=str(UNUSED))
    assert code == 0, said


@pytest.mark.parametrize(("skipped", "code"), [("tests/cluster", 0), ("tests/other", 1)])
def test_a_cluster_on_which_not_all_can_be_tried_says_nothing_of_the_rest(
    tmp_path: Path, skipped: str, code: int
) -> None:
    (tmp_path / skipped).mkdir(parents=True)
    (tmp_path / skipped / "test_skipped.py").write_text("import pytest\ndef test_it(): pytest.skip('not here')\n")
    found, said = run(tmp_path, unused=str(UNUSED))
    assert found == code, said


@pytest.mark.parametrize(
    "reason",
    [
        'RBAC: allowed by RoleBinding "indexjob-operator/t-1" of Role "indexjob-operator" to ServiceAccount "indexjob-operator/t-1"',
        'RBAC: allowed by ClusterRoleBinding "t-1:indexjob-operator" of ClusterRole "t-1:indexjob-operator" to ServiceAccount "indexjob-operator/t-1"',
    ],
    ids=["in a namespace", "everywhere"],
)
def test_a_right_is_that_of_the_role_that_let_the_request_through(reason: str) -> None:
    about = {"resource": "pods", "namespace": "t-1", "name": "a", "apiVersion": "v1"}
    said = {"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": reason}
    event = {"verb": "delete", "objectRef": about, "annotations": said, "responseStatus": {"code": 403}}
    assert rights.used(event) == UNUSED
    assert UNUSED in rights.granted()
    assert not rights.refused(event), "a quota's refusal"
    others = 'RBAC: allowed by ClusterRoleBinding "system:discovery" of ClusterRole "system:discovery" to Group "x"'
    assert rights.used(event | {"annotations": {"authorization.k8s.io/reason": others}}) is None
    assert rights.refused(event | {"annotations": {"authorization.k8s.io/decision": "forbid"}})
