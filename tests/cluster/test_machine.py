"""The machine's own cluster from its boot to its end: what is found up again, what is cleaned up, what is left."""

import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import choice, fixtures
from tests.cluster.aside import Aside, aside
from tests.cluster.choice import IMAGE, NAMED
from tests.cluster.machine import boot, components, containers, packages
from tests.cluster.machine.commands import NoClusterError, until
from tests.cluster.machine.place import Place


@pytest.fixture
def beside(cluster: choice.Cluster) -> Iterator[Aside]:
    """Begun once the other one is up: its boot, which sets the kernel's parameters, must not come between two looks."""
    try:
        packages.require_root()
    except NoClusterError as why:
        fixtures.without(str(why))
    boot.prepare()  # a new machine builds Kubernetes first
    with tempfile.TemporaryDirectory(prefix="ij-", ignore_cleanup_errors=True) as folder, aside(Path(folder)) as place:
        yield place


def pids(place: Place) -> dict[str, int | None]:
    return {name: part.pid for name, part in components.all_of(place).items()}


def nodes(beside: Aside) -> str:
    kubectl = Path(sys.executable).parent / "kubectl"
    return beside(str(kubectl), f"--kubeconfig={beside.place.kubeconfig()}", "get", "nodes", "-o", "name")


@pytest.mark.timeout(1800, func_only=True)
def test_a_cluster_is_found_up_again_and_its_end_leaves_nothing(beside: Aside) -> None:
    """Interrupted by `kill -9` in the middle of its boot, and once more with all of its parts killed."""
    before = beside.traces()
    with beside.begin("up") as booting:
        assert until(lambda: pids(beside.place)["apiserver"], seconds=240)
        booting.kill()
    assert "process" in beside.cluster("leftovers")

    assert beside.cluster("up") == f"export KUBECONFIG={beside.place.kubeconfig()}\n"
    assert nodes(beside) == "node/indexjob\n"
    first = pids(beside.place)
    assert all(first.values())
    beside.cluster("up")
    assert pids(beside.place) == first

    for pid in first.values():
        assert pid
        os.kill(pid, signal.SIGKILL)
    beside.cluster("up")
    assert nodes(beside) == "node/indexjob\n"
    assert not set(pids(beside.place).values()) & set(first.values())

    beside.cluster("down")
    assert beside.cluster("leftovers").strip() == ""
    assert beside.traces() - before == frozenset()
    beside.cluster("down")


def test_a_killed_shims_socket_is_left_over_and_a_living_ones_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(containers, "SHIM_SOCKETS", tmp_path)
    with socket.socket(socket.AF_UNIX) as living, socket.socket(socket.AF_UNIX) as dead:
        living.bind(str(tmp_path / "living"))
        living.listen()
        dead.bind(str(tmp_path / "dead"))
        dead.close()
        assert set(containers.strays(Place(Path("/tmp/ij-none")))) & set(tmp_path.iterdir()) == {tmp_path / "dead"}


def test_without_root_tests_are_skipped_with_a_sentence_and_ci_takes_no_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAMED, raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no cluster can be had: a cluster of the tests' own needs root"):
        fixtures.chosen().__enter__()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=r"CI doesn't take: no cluster can be had: .* needs root"):
        fixtures.chosen().__enter__()


def test_a_named_cluster_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(NAMED, str(tmp_path / "kubeconfig"))
    monkeypatch.setenv(IMAGE, "some.test/image:1")
    with choice.cluster() as named:
        assert named.kubeconfig == tmp_path / "kubeconfig"
        assert named.image == "some.test/image:1"
        assert named.components is None


def test_a_root_whose_sockets_would_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 50 characters"):
        Place(Path("/" + "x" * 50))
