"""Chooses the cluster that the tests run on: the one that is named, kind where Docker is, or the machine's own."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.cluster import kind, own
from tests.cluster.components import Components
from tests.cluster.machine import images
from tests.cluster.machine.place import Place

NAMED = "INDEXJOB_TEST_KUBECONFIG"
IMAGE = "INDEXJOB_TEST_IMAGE"
PULLED = "python:3.11-slim"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that serves, and what more can be done with it; None where it can't."""

    kubeconfig: Path
    image: str  # of the tests' own pods: has `python3` and `sh`
    load: Callable[[Path], None] | None = None  # brings an image archive to the node
    components: Components | None = None  # stops and starts the control plane
    audit_log: Path | None = None


@cache
def can_be_had() -> bool:
    """Whether there is any, before it is asked for."""
    return bool(os.environ.get(NAMED)) or os.geteuid() == 0 or kind.answers()


@contextmanager
def cluster() -> Iterator[Cluster]:
    """The cluster for one test run; what was booted for it ends with it.

    Raises:
        NoClusterError: none can be had here, with the reason.
    """
    if named := os.environ.get(NAMED):
        yield Cluster(Path(named).expanduser(), os.environ.get(IMAGE, PULLED))
    elif kind.answers():
        with kind.running() as (kubeconfig, logs):
            yield Cluster(kubeconfig, PULLED, load=kind.load, audit_log=logs / "audit.log")
    else:
        place = Place()
        with own.running(place):
            yield Cluster(place.kubeconfig(), images.BASE, own.loader(place), Components(place), place.audit_log)
