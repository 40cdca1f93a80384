"""From what Postgres and its client library report to one clear sentence, and what to do.

A failed connection carries no SQLSTATE, only text; what it says of the usual causes is told apart by that.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg
from psycopg import conninfo

from indexjob.errors import ClearError, LoginRefusedError, RefusedError, SchemaError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Sequence

CHECK_IT = "Check {source}."

CONNECTING: Sequence[tuple[str, type[ClearError], str, str]] = (
    (
        r"password authentication failed|no password supplied|authentication failed",
        LoginRefusedError,
        "The database at {place} does not accept this user and password.",
        "Check both in {source}.",
    ),
    (r'role "[^"]*" does not exist', LoginRefusedError, "The database server at {place} has no such user.", CHECK_IT),
    (
        r'database "[^"]*" does not exist',
        LoginRefusedError,
        "The server answers, but has no database for {place}.",
        "Create it, or check its name in {source}.",
    ),
    (
        r"no pg_hba\.conf entry|pg_hba\.conf rejects|is not permitted to log in",
        LoginRefusedError,
        "The database at {place} does not let this user in from this machine.",
        "Its administrator decides that, in pg_hba.conf.",
    ),
    (
        r"permission denied for database",
        LoginRefusedError,
        "The database at {place} does not let this user connect.",
        "Its owner grants CONNECT.",
    ),
    (
        r"could not translate host name|failed to resolve host|Name or service not known",
        UnreachableError,
        "No machine has the name of the database's: {place}.",
        CHECK_IT,
    ),
    (
        r"Connection refused|No such file or directory",
        UnreachableError,
        "No Postgres is listening at {place}.",
        "Start it, or check {source}.",
    ),
    (
        r"timeout|timed out",
        UnreachableError,
        "The database at {place} does not answer.",
        "Check the network and {source}.",
    ),
    (
        r"too many clients|remaining connection slots|too many connections",
        UnreachableError,
        "The database at {place} has no connection to spare.",
        "Try again later.",
    ),
    (
        r"starting up|shutting down|recovery mode",
        UnreachableError,
        "The database at {place} is just starting or stopping.",
        "Try again in a moment.",
    ),
    (
        r"SSL|certificate|TLS",
        UnreachableError,
        "There is no secure connection to the database at {place}: {detail}",
        "Check sslmode and the certificates.",
    ),
)


def explain_connecting(error: psycopg.Error, url: str, place: str, source: str) -> ClearError:
    """Why there is no connection. `source` is what the URL was read from."""
    text = str(error)
    detail = _scrubbed(text, url)
    for pattern, kind, sentence, advice in CONNECTING:
        if re.search(pattern, text):
            return kind(sentence.format(place=place, detail=detail), advice.format(source=source))
    return UnreachableError(f"The database at {place} cannot be reached: {detail}", CHECK_IT.format(source=source))


def explain(error: psycopg.Error, place: str) -> ClearError:
    """Why a statement failed."""
    state = error.sqlstate or ""
    message = _sentence(error.diag.message_primary or str(error))
    hint = _sentence(error.diag.message_hint or "")
    if state in {"22023", "P0002"}:
        return RefusedError(message, hint)
    if state == "42501":
        return RefusedError(
            message,
            hint
            or "Ask an administrator for a role: indexjob_reader looks, indexjob_producer enqueues, indexjob_operator runs.",
        )
    if state in {"3F000", "42P01", "42703", "42883", "42704"}:
        return SchemaError(
            f"The schema in the database is not this release's: {message}",
            "Run `indexjob migrate` as the schema's owner.",
        )
    if state in {"53100", "53200", "54000"}:
        return RefusedError(f"The database at {place} is out of room: {message}", "Its administrator makes some.")
    if state[:2] in {"08", "57"} or (not state and isinstance(error, psycopg.OperationalError)):
        return UnreachableError(f"The connection to the database at {place} broke off.", "Nothing is lost; try again.")
    if state[:2] == "22" or isinstance(error, psycopg.DataError):
        return RefusedError(message, hint)
    return RefusedError(f"The database reports: {message}", hint)


def explain_migrating(error: psycopg.Error, connection: psycopg.Connection) -> ClearError:
    """Why this login may not migrate: what is there is somebody else's, or it may not make what is lacking."""
    message = _sentence(error.diag.message_primary or str(error))
    row = connection.execute(
        "SELECT quote_ident(current_user), quote_ident(current_database()),"
        " has_database_privilege(current_database(), 'CREATE'),"
        " (SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user),"
        " (SELECT quote_ident(pg_get_userbyid(nspowner)) FROM pg_namespace WHERE nspname = 'indexjob'"
        "  AND NOT pg_has_role(current_user, nspowner, 'USAGE'))"
    ).fetchone()
    login, database, may_create, may_make_roles, owner = row or ("this login", "the database", True, True, None)
    if owner:
        return RefusedError(
            message, f"The schema indexjob belongs to the role {owner}: migrate with its login instead of {login}'s."
        )
    lacking = [
        *([] if may_create else [f"GRANT CREATE ON DATABASE {database} TO {login};"]),
        *([] if may_make_roles else [f"ALTER ROLE {login} CREATEROLE;"]),
    ]
    if lacking:
        return RefusedError(
            message,
            f"{login} would own the schema, and needs more rights for that. An administrator runs: {' '.join(lacking)}",
        )
    return RefusedError(message, f"An administrator gives {login} the right to that, or migrates.")


def _sentence(text: str) -> str:
    """As prose: a capital (unless it begins with the name of something), a full stop."""
    text = " ".join(text.split())
    if "_" in text.split(" ")[0]:
        return f"{text.rstrip('.')}."
    return text and text[0].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _scrubbed(text: str, url: str) -> str:
    """The last line of what libpq said, without the URL's password."""
    try:
        password = str(conninfo.conninfo_to_dict(url).get("password") or "")
    except psycopg.Error:
        return "it can't be told why."
    line = (text.strip().splitlines() or ["no reason given"])[-1]
    line = line.replace(url, "***")
    return _sentence(line.replace(password, "***") if password else line)
