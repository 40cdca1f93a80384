"""The control plane in a test's hands: a component stopped, crashed or restarted while something goes on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.cluster.machine import boot, components
from tests.cluster.machine.place import Place


@dataclass(frozen=True, slots=True)
class Components:
    """Names are those of `machine.components`: `etcd`, `apiserver`, `controller-manager`, `scheduler`, `kubelet`."""

    place: Place

    def stop(self, name: str) -> None:
        boot.stop(self.place, name)

    def crash(self, name: str) -> None:
        """`kill -9`."""
        boot.crash(self.place, name)

    def start(self, name: str) -> None:
        """Returns once it serves; does nothing to one that runs."""
        boot.start(self.place, name)

    def restart(self, name: str) -> None:
        self.stop(name)
        self.start(name)

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """Meanwhile the component is stopped."""
        self.stop(name)
        try:
            yield
        finally:
            self.start(name)

    def log(self, name: str) -> str:
        return components.all_of(self.place)[name].log.read_text(errors="replace")

    def mend(self) -> None:
        """Starts whatever a test left stopped."""
        for stage in components.STAGES:
            for name in stage:
                self.start(name)
