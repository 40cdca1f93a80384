"""What several test runs share is made once and ended by the last of them, and what was broken off is cleared away."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cluster import choice, fixtures, kind, own
from tests.cluster.machine import boot, builders, mounts, packages
from tests.cluster.machine.commands import NoClusterError, run
from tests.cluster.machine.daemon import NotReadyError
from tests.cluster.machine.place import Place, cache

KIND = """#!/bin/sh
echo "$1 $2" >>{told}
case "$1 $2" in
"create cluster") cat >/dev/null; touch {cluster} {kubeconfig} ;;
"delete cluster") rm {cluster} ;;
"get clusters") if [ -e {cluster} ]; then echo indexjob-test; fi ;;
esac
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_kind_is_made_by_the_first_and_ended_by_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kind by its words alone: no engine is at hand."""
    told, programs = tmp_path / "told", tmp_path / "programs"
    programs.mkdir()
    script = KIND.format(told=told, cluster=tmp_path / "made", kubeconfig=cache() / "kind" / "kubeconfig")
    for name, text in (("kind", script), ("docker", "#!/bin/sh\n")):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setattr("tests.cluster.machine.commands.PATH", os.environ["PATH"])
    assert kind.answers()
    with ExitStack() as first:
        kubeconfig, _ = first.enter_context(kind.running())
        with kind.running() as (same, _):
            assert same == kubeconfig
        assert told.read_text().count("create cluster") == 1
        assert "delete cluster" not in told.read_text()
    assert told.read_text().count("delete cluster") == 1
    assert not kubeconfig.exists()
    with kind.running():
        assert told.read_text().count("create cluster") == 2


def test_a_cluster_that_does_not_come_up_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(Path(tempfile.gettempdir(), f"ij-{os.getpid()}"))
    ended: list[Place] = []

    def up(place: Place) -> None:
        place.root.mkdir()
        raise NotReadyError("scheduler ended.")

    monkeypatch.setattr(boot, "up", up)
    monkeypatch.setattr(own, "end", ended.append)
    try:
        with pytest.raises(NotReadyError, match="scheduler"), own.running(place):
            pass
    finally:
        place.root.rmdir()
    assert ended == [place]


def test_who_can_have_no_cluster_takes_no_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without a home has nowhere to keep the turns; the fixture then says why the test is skipped."""
    monkeypatch.delenv(choice.NAMED, raising=False)
    monkeypatch.setattr(kind, "answers", lambda: False)
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    assert not choice.can_be_had.__wrapped__()
    monkeypatch.setenv(choice.NAMED, "kubeconfig")
    assert choice.can_be_had.__wrapped__()


def test_what_a_killed_build_left_in_the_store_goes() -> None:
    try:
        packages.require_root()
    except NoClusterError as why:
        fixtures.without(str(why))
    packages.install()
    buildah = builders.builders()[-1].command
    assert buildah[0] == "buildah"
    store = cache() / "buildah"
    container = run(*buildah, "from", "scratch").strip()
    run(*buildah, "mount", container)
    assert mounts.under(store)
    builders.tidy()
    assert mounts.under(store) == []
    assert run(*buildah, "containers", "--quiet").strip() == ""
    mounts.unmount_under(store)  # `buildah containers` mounted the store's own folder
