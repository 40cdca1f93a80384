"""The command line of the worker's two containers.

Imports wait until they are needed: the zygote of the extraction children is forked from a process that holds next to
nothing, and warms up while this one reads its orders.
"""

import argparse
import os
import sys
from pathlib import Path

TERMINATION_LOG = Path("/dev/termination-log")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit code (see `indexjob.outcome.ExitCode`)."""
    options = _parser().parse_args(arguments)
    if options.command == "clone":
        from indexjob_worker.commands import run_clone  # noqa: PLC0415

        return run_clone(options)
    from indexjob_worker.zygote import fork_zygote  # noqa: PLC0415

    zygote = fork_zygote()
    from indexjob_worker.foresight import foresee  # noqa: PLC0415

    foresee(zygote, options.workspace)
    from indexjob_worker.commands import run_index  # noqa: PLC0415

    return run_index(options, zygote)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="indexjob_worker", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    clone = commands.add_parser("clone", help="fetch what a run spec names into the workspace")
    clone.add_argument("--git-credentials", type=Path, help="directory of the mounted git credential")
    index = commands.add_parser("index", help="index what `clone` left, and publish it")
    index.add_argument(
        "--database-credentials", type=Path, required=True, help="directory with database-url and launch-token"
    )
    for name, variable in (("--pod-uid", "POD_UID"), ("--pod", "POD_NAME"), ("--node", "NODE_NAME")):
        index.add_argument(name, default=os.environ.get(variable), help=f"default: {variable}")
    for command in (clone, index):
        command.add_argument("--run-spec", type=Path, required=True, help="file with the run spec as JSON")
        command.add_argument("--workspace", type=Path, required=True, help="the one directory that is written to")
        command.add_argument("--termination-message", type=Path, default=TERMINATION_LOG, help="where the outcome goes")
    return parser


if __name__ == "__main__":
    exit_code = main()
    sys.stderr.flush()
    os._exit(exit_code)  # threads that wait for Postgres may not hold up the end
