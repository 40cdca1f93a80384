"""Forgets, little by little, what the settings say may go: old finished jobs, and what is indexed of commits that nobody looks at any more."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from indexjob_operator import metrics

if TYPE_CHECKING:
    from indexjob.queue.leader import LeaderQueue

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 300.0
BATCH = 5000
BATCHES = 20
"""At one time: what is left then waits for the next."""


@dataclass(slots=True)
class Retention:
    """What may go. The row of an IndexJob stays for as long as that one is there."""

    keep_snapshots: int = 3
    """The newest so many of each revision; what a revision shows now always stays."""
    keep_finished: timedelta = timedelta(days=30)
    interval_seconds: float = INTERVAL_SECONDS
    _next: float = field(default=0.0, init=False)

    async def run_if_due(self, queue: LeaderQueue) -> None:
        """Once in a while; a call in between does nothing."""
        now = asyncio.get_running_loop().time()
        if now < self._next:
            return
        self._next = now + self.interval_seconds
        await self.run_once(queue)

    async def run_once(self, queue: LeaderQueue) -> None:
        """Some batches of each kind."""
        for _ in range(BATCHES):
            gone = {"jobs": await queue.prune(self.keep_finished, BATCH)}
            gone |= await queue.collect_garbage(self.keep_snapshots, BATCH)
            for what, count in gone.items():
                metrics.PRUNED.labels(what).inc(count)
            if not any(gone.values()):
                return
            told = ", ".join(f"{count} {what}" for what, count in gone.items() if count)
            logger.info("forgot %s", told, extra={"action": "pruned", **gone})
