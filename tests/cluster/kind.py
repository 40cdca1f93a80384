"""kind, where a Docker engine answers: the same tests on a cluster that somebody else builds."""

import shutil
import string
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster import sharing
from tests.cluster.machine.boot import CONFIGURATION
from tests.cluster.machine.commands import attempt, run
from tests.cluster.machine.place import cache
from tests.cluster.machine.toolchain import only_one

NAME = "indexjob-test"
CONFIG = Path(__file__).with_name("kind.yaml")


def answers() -> bool:
    """Whether it is there, and an engine for it."""
    return shutil.which("kind") is not None and attempt("docker", "info") is not None


@contextmanager
def running() -> Iterator[tuple[Path, Path]]:
    """The kubeconfig and the folder of the audit log. The processes of a test run, and other runs, share it; the last one ends it."""
    folder = cache() / "kind"
    kubeconfig, logs = folder / "kubeconfig", folder / "logs"
    options = ("--name", NAME, "--kubeconfig", kubeconfig)
    with sharing.use("kind") as last:
        try:
            with only_one("kind-boot"):
                if not kubeconfig.exists() or NAME not in run("kind", "get", "clusters").split():
                    logs.mkdir(parents=True, exist_ok=True)
                    config = string.Template(CONFIG.read_text()).substitute(conf=CONFIGURATION, logs=logs)
                    run("kind", "create", "cluster", *options, "--config", "-", "--wait", "120s", stdin=config)
            yield kubeconfig, logs
        finally:
            if last():
                run("kind", "delete", "cluster", *options)
                shutil.rmtree(folder, ignore_errors=True)  # the node's logs are root's


def load(archive: Path) -> None:
    run("kind", "load", "image-archive", archive, "--name", NAME)
