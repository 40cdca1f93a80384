"""`indexjob migrate`, `health`, `pause`, `unpause`: look after the database and the queue."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from indexjob.cli import health as checks
from indexjob.cli.command import Call, command
from indexjob.cli.output import answer_json, answer_table, say
from indexjob.errors import ClearError

app = typer.Typer()

WAIT_SECONDS = 3.0


@command(app, "migrate", panel="Administer")
def migrate(
    call: Call,
    *,
    wait: Annotated[
        bool, typer.Option("--wait", help="If it can't be done, say why and try again until it can.")
    ] = False,
) -> None:
    """Make the schema `indexjob`, or bring it up to this release. Safe to run again, and by two at once.

    Needs the right to create a schema and roles in the database. A schema that is newer, and that this release still works with, stays as it is.
    """
    told = ""
    while True:
        try:
            _migrate(call)
        except ClearError as error:
            if not wait:
                raise
            if str(error) != told:
                say(f"Waiting: {error}")
            told = str(error)
            time.sleep(WAIT_SECONDS)
        else:
            return


def _migrate(call: Call) -> None:
    from indexjob import database as databases
    from indexjob.migrations import applied_version

    with call.database() as database, database.connect(check_version=False) as connection:
        applied = databases.migrate(connection)
        version = applied_version(connection)
    if call.json:
        answer_json({"database": database.place, "version": version, "applied": applied})
    else:
        for name in applied:
            typer.echo(f"applied {name}")
        say(f"The schema in {database.place} is at version {version}.")


@command(app, "health", panel="Administer")
def health(call: Call) -> int:
    """Say whether the database, its schema, the dispatcher and the queue are well; exit 1 if one is not, and why.

    Example:

        indexjob health --output json
    """
    try:
        with call.database() as database:
            found = checks.examine(database)
    except ClearError as error:
        found = [checks.Check("database", ok=False, detail=str(error))]
    if call.json:
        answer_json({"ok": all(check.ok for check in found), "checks": found})
    else:
        answer_table(
            ("CHECK", "OK", "DETAIL"), [(check.name, "yes" if check.ok else "no", check.detail) for check in found]
        )
    return 0 if all(check.ok for check in found) else 1


@command(app, "pause", panel="Administer")
def pause(call: Call) -> None:
    """Start nothing more; what runs goes on. Requests are still taken, and wait."""
    switch(call, paused=True)


@command(app, "unpause", panel="Administer")
def unpause(call: Call) -> None:
    """Go on after `pause`."""
    switch(call, paused=False)


def switch(call: Call, *, paused: bool) -> None:
    """The administrator's switch, for all dispatchers of this database."""
    with call.connection() as connection:
        connection.execute("SELECT indexjob.pause()" if paused else "SELECT indexjob.unpause()")
    if call.json:
        answer_json({"claiming_paused": paused})
    else:
        say("Nothing more is started; `indexjob unpause` goes on." if paused else "The queue goes on.")
