"""A dispatcher as a process of its own: `python -m tests.faults.dispatcher '{"…"}'`, ended by SIGTERM."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from datetime import timedelta
from pathlib import Path

from indexjob_operator.local import run_local


async def main(options: dict[str, object]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGUSR1, show_tasks)
    witness = Path(str(options["witness"]))
    await run_local(
        str(options["database_url"]),
        worker_database_url=str(options["worker_database_url"]),
        concurrency=int(str(options["concurrency"])),
        backoff_seconds=0.05,
        stop=stop,
        workspaces=witness / "workspaces",
        lease=timedelta(seconds=float(str(options["lease"]))),
        sweep_seconds=0.5,
        drain_seconds=1,
        worker=(sys.executable, str(Path(__file__).with_name("scripted_worker.py")), str(witness)),
    )


def show_tasks() -> None:
    """Where everything waits: asked for when a test fails."""
    for task in asyncio.all_tasks():
        frames = [f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}" for frame in task.get_stack()]
        sys.stderr.write(f"task {task.get_coro().__qualname__} cancelling={task.cancelling()} {frames} {task!r}\n")  # type: ignore[union-attr]
    sys.stderr.flush()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(process)d %(message)s")
    asyncio.run(main(json.loads(sys.argv[1])))
