"""procrastinate, as its worker does it by default: one job after the other, each fetched and finished by itself, and kept."""

from __future__ import annotations

import time

from procrastinate import App, PsycopgConnector
from procrastinate.jobs import Job, Status

from bench.server import connect, settle


async def jobs_a_second(database_url: str, *, queued: int, wanted: int) -> float:
    """One worker fetches and finishes `wanted` of `queued` jobs through procrastinate's own job manager."""
    app = App(connector=PsycopgConnector(conninfo=database_url))
    async with app.open_async():
        manager = app.job_manager
        if not await manager.check_connection_async():
            await app.schema_manager.apply_schema_async()
        await app.connector.execute_query_async("TRUNCATE procrastinate_jobs CASCADE")
        jobs = [
            Job(
                id=None,
                queue="bench",
                lock=None,
                queueing_lock=None,
                task_name="index",
                task_kwargs={"repository": f"https://example.org/team/r{number}", "revision": "HEAD"},
            )
            for number in range(queued)
        ]
        await manager.batch_defer_jobs_async(jobs)
        with connect(database_url) as connection:
            settle(connection)
        worker = await manager.register_worker()
        began = time.perf_counter()
        for _ in range(wanted):
            job = await manager.fetch_job(["bench"], worker)
            assert job is not None
            await manager.finish_job(job, Status.SUCCEEDED, delete_job=False)
        seconds = time.perf_counter() - began
        await manager.unregister_worker(worker)
    return wanted / seconds
