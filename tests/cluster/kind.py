"""kind, where a Docker engine answers: the same tests on a cluster that somebody else builds."""

import string
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.machine.boot import CONFIGURATION
from tests.cluster.machine.commands import run

NAME = "indexjob-test"


@contextmanager
def running() -> Iterator[tuple[Path, Path]]:
    """The kubeconfig and the folder of the audit log; the cluster ends with the test run."""
    template = string.Template((Path(__file__).parent / "kind.yaml").read_text())
    with tempfile.TemporaryDirectory(prefix="indexjob-kind-", ignore_cleanup_errors=True) as folder:
        kubeconfig, logs = Path(folder, "kubeconfig"), Path(folder, "logs")
        logs.mkdir()
        config = template.substitute(conf=CONFIGURATION, logs=logs)
        options = ("--name", NAME, "--kubeconfig", kubeconfig)
        run("kind", "create", "cluster", *options, "--config", "-", "--wait", "120s", stdin=config)
        try:
            yield kubeconfig, logs
        finally:
            run("kind", "delete", "cluster", *options)


def load(archive: Path) -> None:
    run("kind", "load", "image-archive", archive, "--name", NAME)
