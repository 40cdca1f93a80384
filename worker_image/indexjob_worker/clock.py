"""The seconds of each step, so that together they are the run's."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Counts wall time by step."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Whatever happens in here belongs to this step."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.add(name, time.monotonic() - began)

    def add(self, name: str, seconds: float) -> None:
        """Time that was measured elsewhere."""
        self._seconds[name] = self._seconds.get(name, 0.0) + seconds

    def share(self, whole: str, parts: dict[str, float]) -> None:
        """Divide a step's time among others in proportion to what was measured inside it by several processes."""
        seconds, total = self._seconds.pop(whole, 0.0), sum(parts.values())
        for name, part in parts.items():
            self.add(name, seconds * part / total if total else 0.0)

    @property
    def seconds(self) -> dict[str, float]:
        """By step, to the millisecond."""
        return {name: round(seconds, 3) for name, seconds in self._seconds.items()}
