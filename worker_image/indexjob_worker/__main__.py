"""The command line of the worker's two containers.

Imports wait until they are needed.
"""

import argparse
import os
import sys
from pathlib import Path

TERMINATION_LOG = Path("/dev/termination-log")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit code (see `indexjob.outcome.ExitCode`)."""
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "1"  # looking for plugins costs 50 ms
    options = _parser().parse_args(arguments)
    from indexjob_worker.commands import run_clone  # noqa: PLC0415

    return run_clone(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="indexjob_worker", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    clone = commands.add_parser("clone", help="fetch what a run spec names into the workspace")
    clone.add_argument("--git-credentials", type=Path, help="directory of the mounted git credential")
    for command in (clone,):
        command.add_argument("--run-spec", type=Path, required=True, help="file with the run spec as JSON")
        command.add_argument("--workspace", type=Path, required=True, help="the one directory that is written to")
        command.add_argument("--termination-message", type=Path, default=TERMINATION_LOG, help="where the outcome goes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
