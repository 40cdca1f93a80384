"""One cluster for several processes: who comes first makes it, who leaves last ends it, and tests take turns on it."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.cluster.machine.place import Place, cache


@contextmanager
def use(name: str) -> Iterator[Callable[[], bool]]:
    """Beside the other test runs that use it. What is given says whether this one is the last; if so, none begins until it has left."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield lambda: _alone(lock.fileno())


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


def _alone(lock: int) -> bool:
    fcntl.flock(lock, fcntl.LOCK_UN)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
