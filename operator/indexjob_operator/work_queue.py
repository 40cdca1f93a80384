"""Index jobs to look at: each at most once in line, by at most one reconciler at a time, later again if it failed.

What controllers of Kubernetes call a work queue. Hints may come at any rate: those for a key that is in line already are the same hint.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable

K = TypeVar("K", bound="Hashable")

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 30.0


class WorkQueue(Generic[K]):
    """Take a key with `get`, say `done` after; `retry` puts it back with a pause that doubles until `forget`."""

    def __init__(self) -> None:
        self._line: asyncio.Queue[K] = asyncio.Queue()
        self._waiting: set[K] = set()
        self._busy: set[K] = set()
        self._again: set[K] = set()
        self._failures: dict[K, int] = {}
        self._timers: dict[K, asyncio.TimerHandle] = {}

    def add(self, key: K) -> None:
        """There may be something to do about this key."""
        if key in self._busy:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting.add(key)
            self._line.put_nowait(key)

    async def get(self) -> K:
        """The next key; it is the caller's alone until `done`."""
        key = await self._line.get()
        if timer := self._timers.pop(key, None):
            timer.cancel()  # this is the look
        self._waiting.discard(key)
        self._busy.add(key)
        return key

    def done(self, key: K) -> None:
        """Let go of the key; what came in meanwhile puts it in line again."""
        self._busy.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def retry(self, key: K) -> float:
        """Look at it again after a pause, which is returned (seconds)."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        pause = min(FIRST_PAUSE_SECONDS * 2.0 ** min(failures - 1, 20), LONGEST_PAUSE_SECONDS)
        asyncio.get_running_loop().call_later(pause, self.add, key)
        return pause

    def later(self, key: K, seconds: float) -> None:
        """Look at it after so long, though nothing may be heard of it; the earliest said since the last look counts."""
        loop, timer = asyncio.get_running_loop(), self._timers.get(key)
        if timer is None or loop.time() + seconds < timer.when():
            if timer:
                timer.cancel()
            self._timers[key] = loop.call_later(seconds, self._due, key)

    def _due(self, key: K) -> None:
        self._timers.pop(key, None)
        self.add(key)

    def forget(self, key: K) -> None:
        """It went well: the next failure is a first one."""
        self._failures.pop(key, None)

    @property
    def idle(self) -> bool:
        """Nothing is in line and nobody is at work."""
        return not self._waiting and not self._busy
