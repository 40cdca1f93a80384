"""The machine's own cluster, shared by the test runs of this machine.

One can be up at a time (addresses, ports and kernel tables are one per machine). A run boots it or finds it up; the
last run that leaves ends it, unless a person asked for it with `make cluster`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster import sharing
from tests.cluster.machine import boot, builders, components, containers, leftovers
from tests.cluster.machine.commands import UnfitError
from tests.cluster.machine.daemon import NotReadyError
from tests.cluster.machine.place import Place


class LeftoversError(UnfitError):
    """The end of the cluster left something on the machine."""


@contextmanager
def running(place: Place) -> Iterator[None]:
    """The cluster is up meanwhile. Whoever calls it has a turn there, or a part that a test of another run has stopped is a broken cluster.

    Raises:
        NotReadyError: it doesn't come up, or a part of it died meanwhile.
        LeftoversError: its end left something.
    """
    with sharing.use("use") as last:
        try:
            boot.up(place)
        except BaseException:
            if place.root.exists() and last():  # the error says what the logs do
                _leave(place)
            raise
        try:
            yield
        finally:
            if last():
                try:
                    _nothing_died(place)
                finally:
                    _leave(place)


def keep(place: Place) -> None:
    """Boots it to stay."""
    with sharing.turn(place, alone=False):
        boot.up(place)
    _kept(place).touch()


def end(place: Place) -> None:
    """Ends it, and looks."""
    boot.down(place)
    builders.tidy()
    if found := leftovers.of(place):
        raise LeftoversError("\n".join(["the cluster ended and left:", *found]))


def loader(place: Place) -> Callable[[Path], None]:
    return lambda archive: containers.load(place, archive)


def _nothing_died(place: Place) -> None:
    for part in components.all_of(place).values():
        if part.pid is None:
            raise NotReadyError(f"{part.name} died during the tests.\n{part.tail()}")


def _leave(place: Place) -> None:
    if not _kept(place).exists():
        end(place)


def _kept(place: Place) -> Path:
    return place.root / "kept"
