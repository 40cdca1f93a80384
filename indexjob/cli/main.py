"""The program `indexjob`: its commands in order, and what an error looks like."""

from __future__ import annotations

import os
import signal
import sys
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from indexjob.cli import admin, index, inspecting, logs, many, requests, stats, steering, watch
from indexjob.cli.output import say
from indexjob.errors import ClearError

if TYPE_CHECKING:
    from types import FrameType

PLUGINS = "indexjob.commands"
TERMINATED = 143
BUG = 70

HELP = """Index code repositories: ask for it, watch it run, look at what came out.

The queue and the index are in Postgres. INDEXJOB_DATABASE_URL names the server; without it an embedded one is started, which keeps its data in
your data directory.

Begin with: indexjob demo
"""

app = typer.Typer(
    name="indexjob",
    help=HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)


def show_version(wanted: bool) -> None:  # noqa: FBT001  (typer's own calling convention)
    """Print the release and end."""
    if wanted:
        from importlib.metadata import version

        typer.echo(f"indexjob {version('indexjob')}")
        raise typer.Exit


@app.callback()
def start(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the release.")
    ] = False,
) -> None:
    """Nothing to do before a command; here for the options of the program itself."""


@cache
def assemble() -> typer.Typer:
    """All commands: those of the parts that are installed, then those of the ground floor."""
    for plugin in sorted(entry_points(group=PLUGINS), key=lambda found: found.name):
        app.registered_commands.extend(plugin.load().registered_commands)
    for part in (requests, inspecting, watch, logs, steering, many, index, stats, admin):
        app.registered_commands.extend(part.app.registered_commands)
    return app


def main() -> NoReturn:
    """Run the command line: 0 when it did what was asked, 2 for a wrong usage, else 1, with one clear sentence on standard error."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, terminated)
    try:
        assemble()(prog_name="indexjob")
    except ClearError as error:
        complain(error)
        sys.exit(error.exit_code)
    except Exception as error:
        if os.environ.get("INDEXJOB_DEBUG"):
            raise
        say(
            f"Error: this is a fault of indexjob's own ({type(error).__name__}); INDEXJOB_DEBUG=1 shows where it happened."
        )
        sys.exit(BUG)
    sys.exit(0)


def complain(error: ClearError) -> None:
    """What is wrong, and what to do."""
    say(f"Error: {error.sentence}")
    if error.advice:
        say(f"       {error.advice}")


def terminated(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
    """Leave in order: the embedded Postgres has to hear of it."""
    sys.exit(TERMINATED)
