"""The machine's own cluster, shared by the test runs of this machine.

One can be up at a time (addresses, ports and kernel tables are one per machine). A run boots it or finds it up; the
last run that leaves ends it, unless a person asked for it with `make cluster`.
"""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.machine import boot, components, containers, leftovers
from tests.cluster.machine.commands import UnfitError
from tests.cluster.machine.daemon import NotReadyError
from tests.cluster.machine.place import Place, cache


class LeftoversError(UnfitError):
    """The end of the cluster left something on the machine."""


@contextmanager
def running(place: Place) -> Iterator[None]:
    """The cluster is up meanwhile. Whoever calls it has a turn there, or a part that a test of another run has stopped is a broken cluster.

    Raises:
        NotReadyError: it doesn't come up, or a part of it died meanwhile.
        LeftoversError: its end left something.
    """
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "use.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        boot.up(place)
        try:
            yield
        finally:
            if _alone(lock.fileno()):
                try:
                    _nothing_died(place)
                finally:
                    if not _kept(place).exists():
                        end(place)


def keep(place: Place) -> None:
    """Boots it to stay."""
    with turn(place, alone=False):
        boot.up(place)
    _kept(place).touch()


def end(place: Place) -> None:
    """Ends it, and looks."""
    boot.down(place)
    if found := leftovers.of(place):
        raise LeftoversError("\n".join(["the cluster ended and left:", *found]))


@contextmanager
def turn(place: Place, *, alone: bool) -> Iterator[None]:
    """One test's turn on the cluster: beside those of other processes, or alone if it stops what they stand on.

    Who waits to be alone holds the gate, so that nobody comes in between for ever.
    """
    how = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
    place.turns.mkdir(parents=True, exist_ok=True)
    with (place.turns / "turn.lock").open("w") as lock:
        with (place.turns / "gate.lock").open("w") as gate:
            fcntl.flock(gate, how)
            fcntl.flock(lock, how)
        yield


def loader(place: Place) -> Callable[[Path], None]:
    return lambda archive: containers.load(place, archive)


def _nothing_died(place: Place) -> None:
    for part in components.all_of(place).values():
        if part.pid is None:
            raise NotReadyError(f"{part.name} died during the tests.\n{part.tail()}")


def _kept(place: Place) -> Path:
    return place.root / "kept"


def _alone(lock: int) -> bool:
    """Whether no other test run uses the cluster; if so, none begins until this one has left."""
    fcntl.flock(lock, fcntl.LOCK_UN)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
