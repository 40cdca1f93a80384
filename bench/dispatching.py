"""The operator of one machine in a process of its own: `python -m bench.dispatching FOLDER CONCURRENCY WORKER…`, until it is terminated.

The database is INDEXJOB_DATABASE_URL, so that no password is in the arguments.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from indexjob_operator.local import run_local


async def main() -> None:
    folder, concurrency, *worker = sys.argv[1:]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await run_local(
        os.environ["INDEXJOB_DATABASE_URL"],
        concurrency=int(concurrency),
        stop=stop,
        workspaces=Path(folder),
        worker=tuple(worker),
        drain_seconds=1,
    )


if __name__ == "__main__":
    asyncio.run(main())
