"""`python -m indexjob_operator`: the operator's process, as its image starts it."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import signal
import sys
from importlib.metadata import version
from pathlib import Path

from indexjob.errors import ClearError
from indexjob_operator import json_log

SETTINGS = Path("/etc/indexjob/settings.yaml")
CREDENTIALS = Path("/etc/indexjob/database")
PORT = 8080

DESCRIPTION = """\
Runs index jobs as Jobs of a Kubernetes cluster. The requests are rows of Postgres and IndexJob resources; what became of each is in both.

It acts as the service account of its pod, elsewhere as the current context of the kubeconfig (KUBECONFIG). Several may run: one leads, the
others stand by. A database or an API server that is away is waited for.
"""
EPILOG = """\
pages:
  /livez     503 when a loop hangs: restart it
  /readyz    503 while something is lacking, naming what
  /metrics   for Prometheus

The directory with the database credential holds operator-url, worker-url and, if the operator is to make and upgrade the schema itself, migrate-url;
a single file url serves for those that are missing. SIGTERM stops: what was begun is done, what runs in the cluster runs on.
"""


def parser() -> argparse.ArgumentParser:
    """The flags."""
    flags = argparse.ArgumentParser(
        prog="python -m indexjob_operator",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    flags.add_argument("--version", action="version", version=f"indexjob {version('indexjob')}")
    flags.add_argument(
        "--settings", type=Path, default=SETTINGS, metavar="FILE", help="the administrator's YAML (%(default)s)"
    )
    flags.add_argument(
        "--database-credentials", type=Path, default=CREDENTIALS, metavar="DIR", help="the mounted Secret (%(default)s)"
    )
    flags.add_argument("--host", default="", help="address of the pages (all)")
    flags.add_argument("--port", type=int, default=PORT, help="port of the pages; 0 is any free one (%(default)s)")
    flags.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="info", help="%(default)s")
    flags.add_argument("--log-format", choices=("json", "text"), default="json", help="%(default)s")
    return flags


def main(arguments: list[str] | None = None) -> int:
    """Run until told to stop; 0 then, 1 with one clear sentence if it can't begin."""
    options = parser().parse_args(arguments)
    json_log.begin(options.log_level, text=options.log_format == "text")
    try:
        asyncio.run(_run(options))
    except ClearError as error:
        logging.getLogger(__name__).error("%s", error, extra={"action": "cannot-begin"})  # noqa: TRY400 - a sentence is enough
        return error.exit_code
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 128 + signal.SIGINT
    return 0


async def _run(options: argparse.Namespace) -> None:
    from indexjob_operator.cluster import run_cluster  # noqa: PLC0415 - not for --help
    from indexjob_operator.settings import load  # noqa: PLC0415

    gc.collect()
    gc.freeze()  # what was imported stays: the collector need not go through it again and again
    stop, loop, task = asyncio.Event(), asyncio.get_running_loop(), asyncio.current_task()

    def heard() -> None:
        if stop.is_set() and task:
            task.cancel()  # the second signal doesn't wait
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, heard)
    await run_cluster(
        load(options.settings), options.database_credentials, address=(options.host, options.port), stop=stop
    )


if __name__ == "__main__":
    sys.exit(main())
