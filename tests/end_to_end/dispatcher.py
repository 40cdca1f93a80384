"""A dispatcher in a process of its own, so that a test can stop and kill it: `dispatcher.py DATABASE_URL WORKSPACES [once]`."""

import asyncio
import logging
import signal
import sys
from datetime import timedelta
from pathlib import Path

from indexjob_operator.local import run_local


async def main(url: str, workspaces: str, *modes: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await run_local(
        url,
        once="once" in modes,
        stop=stop,
        workspaces=Path(workspaces),
        backoff_seconds=0.2,
        lease=timedelta(seconds=2),
        sweep_seconds=1,
        drain_seconds=2,
    )


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    asyncio.run(main(*sys.argv[1:]))
