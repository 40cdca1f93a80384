"""What Prometheus is shown of the queue and of the pool of connections: read, not counted."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import psycopg
from prometheus_client import Gauge
from prometheus_client.core import GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric
    from psycopg_pool import AsyncConnectionPool

    from indexjob.queue.leader import LeaderQueue

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 15.0

JOBS = Gauge("indexjob_jobs", "Unfinished index jobs; told by the leader alone.", ["tenant", "state"])
OLDEST = Gauge(
    "indexjob_oldest_queued_seconds", "How long the oldest index job that is due has waited; told by the leader alone.",
    ["tenant"],
)  # fmt: skip


async def tell_of(queue: LeaderQueue) -> None:
    """Until cancelled, how deep the queue is. Then nothing: another process tells it."""
    try:
        while True:
            try:
                depths = await queue.depths()
            except (psycopg.Error, TimeoutError) as error:
                logger.info("the queue's depth can't be read: %s", error, extra={"action": "database-error"})
            else:
                JOBS.clear()
                OLDEST.clear()
                for depth in depths:
                    JOBS.labels(depth.tenant, depth.state).set(depth.jobs)
                    if depth.state == "queued":
                        OLDEST.labels(depth.tenant).set(depth.oldest_seconds)
            await asyncio.sleep(INTERVAL_SECONDS)
    finally:
        JOBS.clear()
        OLDEST.clear()


class PoolFigures:
    """A collector of the pool's own statistics."""

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool

    def collect(self) -> Iterator[Metric]:
        """What Prometheus asks a collector."""
        stats = self._pool.get_stats()
        family = GaugeMetricFamily(
            "indexjob_database_connections", "Connections of the operator to Postgres.", labels=["what"]
        )
        size, free = stats.get("pool_size", 0), stats.get("pool_available", 0)
        for what, value in {
            "open": size,
            "idle": free,
            "in use": size - free,
            "most": stats.get("pool_max", 0),
        }.items():
            family.add_metric([what], value)
        yield family
        yield GaugeMetricFamily(
            "indexjob_database_waiting", "Who waits for a connection.", value=stats.get("requests_waiting", 0)
        )
