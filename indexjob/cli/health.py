"""What `indexjob health` looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexjob.errors import ClearError, SchemaError

if TYPE_CHECKING:
    import psycopg

    from indexjob.database import Database

LED = "SELECT led FROM indexjob.dispatching()"
PAUSED = "SELECT paused FROM indexjob.dispatching()"
LEADER = "SELECT holder FROM indexjob.lease"
NOT_LOOKED_AT = "Not looked at: that needs the role indexjob_reader, indexjob_producer or indexjob_operator."
STUCK = "SELECT count(*) OVER (), what, left(id::text, 8), repository FROM indexjob.stuck ORDER BY last_sign LIMIT 1"


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
                found += [
                    _told("leader", _leader, connection),
                    _told("claiming", _claiming, connection),
                    _told("stuck", _stuck, connection),
                ]
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
    """A look that this login may not take proves nothing, so it is not well."""
    from psycopg import errors

    assert callable(look)
    try:
        ok, detail = look(connection)
    except errors.InsufficientPrivilege:
        return Check(name, ok=False, detail=NOT_LOOKED_AT)
    return Check(name, ok=ok, detail=detail)


def _leader(connection: psycopg.Connection) -> tuple[bool, str]:
    """Which one it is, is for those who may see the lease."""
    from psycopg import errors

    if not (connection.execute(LED).fetchone() or (False,))[0]:
        return False, "No dispatcher is running: start the operator, or `indexjob up`."
    try:
        return True, f"{(connection.execute(LEADER).fetchone() or ('somebody',))[0]} leads"
    except errors.InsufficientPrivilege:
        return True, "a dispatcher leads"


def _claiming(connection: psycopg.Connection) -> tuple[bool, str]:
    """Somebody's decision, not a fault."""
    paused = (connection.execute(PAUSED).fetchone() or (False,))[0]
    return True, "paused: `indexjob unpause` goes on" if paused else "goes on"


def _stuck(connection: psycopg.Connection) -> tuple[bool, str]:
    row = connection.execute(STUCK).fetchone()
    if row is None:
        return True, "nothing"
    count, what, job, repository = row
    return False, f"{count}, the longest is {job} ({repository}): {what}. `indexjob show {job}` tells more."
