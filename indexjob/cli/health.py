"""What `indexjob health` looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexjob.errors import ClearError, SchemaError

if TYPE_CHECKING:
    import psycopg

    from indexjob.database import Database

LAUNCHING_FOR_LONG = "30 minutes"

LEADER = "SELECT holder, expires_at > now() FROM indexjob.lease ORDER BY epoch DESC LIMIT 1"
SETTINGS = "SELECT claiming_paused, heartbeat_timeout FROM indexjob.settings"
STUCK = """
SELECT count(*) FILTER (WHERE state = 'running' AND coalesce(heartbeat_at, started_at, updated_at) < now() - %s),
    count(*) FILTER (WHERE state = 'launching' AND updated_at < now() - %s::interval)
FROM indexjob.jobs WHERE state IN ('running', 'launching')
"""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str


def examine(database: Database) -> list[Check]:
    """Each check in order; those behind one that fails are left out when they cannot be made."""
    try:
        with database.connect(check_version=False) as connection:
            server = connection.info.server_version
            found = [
                Check("database", ok=True, detail=f"Postgres {server // 10000}.{server % 10000}: {database.place}")
            ]
            schema = _schema(connection)
            found.append(schema)
            if schema.ok:
                found += [_told("leader", _leader, connection), _told("queue", _queue, connection)]
            return found
    except ClearError as error:
        return [Check("database", ok=False, detail=str(error))]


def _schema(connection: psycopg.Connection) -> Check:
    from indexjob.database import check_schema
    from indexjob.migrations import applied_version

    try:
        check_schema(connection)
    except SchemaError as error:
        return Check("schema", ok=False, detail=str(error))
    return Check("schema", ok=True, detail=f"version {applied_version(connection)}")


def _told(name: str, look: object, connection: psycopg.Connection) -> Check:
    """A look that this login may not take proves nothing."""
    from psycopg import errors

    assert callable(look)
    try:
        ok, detail = look(connection)
    except errors.InsufficientPrivilege:
        return Check(name, ok=True, detail="not looked at: that needs the role indexjob_operator")
    return Check(name, ok=ok, detail=detail)


def _leader(connection: psycopg.Connection) -> tuple[bool, str]:
    row = connection.execute(LEADER).fetchone()
    if row is None or not row[1]:
        return False, "No dispatcher is running: start the operator, or `indexjob up`."
    return True, f"{row[0]} leads"


def _queue(connection: psycopg.Connection) -> tuple[bool, str]:
    paused, heartbeat_timeout = connection.execute(SETTINGS).fetchone() or (False, None)
    silent, waiting = connection.execute(STUCK, (heartbeat_timeout, LAUNCHING_FOR_LONG)).fetchone() or (0, 0)
    if silent or waiting:
        return (
            False,
            f"{silent} running without a sign of life for {heartbeat_timeout}, {waiting} launching for over {LAUNCHING_FOR_LONG}.",
        )
    return True, "claiming is paused: `indexjob unpause` goes on" if paused else "nothing is stuck"
