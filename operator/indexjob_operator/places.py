"""Why those that stand in line don't run, and their place: asked of the database a few at a time, so that it costs no more the longer the line is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexjob.queue.resources import ResourceQueue, ResourceRow, Waiting

INTERVAL_SECONDS = 1.0
AT_ONCE = 20
AGAIN_SECONDS = 10.0
NEVER = -1e9


class Places:
    """`changed` is told of every resource that was looked at."""

    def __init__(self, queue: ResourceQueue, changed: Callable[[str], None]) -> None:
        self._queue = queue
        self._changed = changed
        self._in_line: dict[str, float] = {}
        self._found: dict[str, Waiting] = {}

    def take(self, row: ResourceRow) -> Waiting | None:
        """What was found of it since it was asked last. Whether it stands in line is taken note of."""
        if row.state == "queued" and row.line != "coalesced":
            self._in_line.setdefault(row.uid, NEVER)
        else:
            self._in_line.pop(row.uid, None)
        return self._found.pop(row.uid, None)

    def forget(self, uid: str) -> None:
        """It is gone."""
        self._in_line.pop(uid, None)
        self._found.pop(uid, None)

    async def run(self) -> None:
        """Look at those that were looked at longest ago, again and again, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() - AGAIN_SECONDS
            uids = [uid for _, uid in sorted((at, uid) for uid, at in self._in_line.items() if at < due)[:AT_ONCE]]
            if uids:
                for waiting in await self._queue.waiting(uids):
                    self._found[waiting.uid] = waiting
                    self._changed(waiting.uid)
                self._in_line |= {uid: loop.time() for uid in uids if uid in self._in_line}
            await asyncio.sleep(INTERVAL_SECONDS)
