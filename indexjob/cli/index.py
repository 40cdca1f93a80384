"""`indexjob symbols`, `references`, `dependents`, `cycles`: ask the index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from indexjob.cli import repository
from indexjob.cli.command import Call, command
from indexjob.cli.output import answer_json, answer_table, say
from indexjob.cli.repository import RepositoryArgument, RepositoryOption
from indexjob.errors import ClearError

if TYPE_CHECKING:
    import psycopg

app = typer.Typer()

LimitOption = Annotated[int, typer.Option(min=1, max=1_000_000, help="At most so many.")]


class NotIndexedError(ClearError):
    """The index knows no such repository, or no such file in it."""


@command(app, "symbols", panel="Ask the index")
def symbols(
    call: Call,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The whole name; with --search, its beginning.", show_default=False)
    ],
    *,
    repo: RepositoryOption = None,
    search: Annotated[
        bool, typer.Option("--search", help="All names that begin like this, whatever the case.")
    ] = False,
    limit: LimitOption = 100,
) -> None:
    """Show where a name is defined.

    Examples:

        indexjob symbols Session --repository https://github.com/psf/requests

        indexjob symbols get --search --output json
    """
    function = "search_symbols" if search else "find_definitions"
    with call.connection() as connection:
        found = ask(connection, f"SELECT * FROM indexjob.{function}(%s, %s, %s)", name, repository.spelt(repo), limit)  # noqa: S608
    if call.json:
        answer_json(found)
    elif found:
        rows = [(spot(row), row["kind"], row["name"], row["parent"], row["signature"], of(row)) for row in found]
        answer_table(("WHERE", "KIND", "NAME", "IN", "SIGNATURE", "REPOSITORY"), rows)
    else:
        say(
            f"Nothing in the index {'begins with' if search else 'is called'} {name}."
            + ("" if search else " With --search its beginning is enough.")
        )


@command(app, "references", panel="Ask the index")
def references(
    call: Call,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The whole name.", show_default=False)],
    *,
    repo: RepositoryOption = None,
    limit: LimitOption = 100,
) -> None:
    """Show where a name is used, and where what is meant is defined, if that can be known: likely ones with a "?".

    Example:

        indexjob references Session --repository .
    """
    with call.connection() as connection:
        found = ask(
            connection, "SELECT * FROM indexjob.find_references(%s, %s, %s)", name, repository.spelt(repo), limit
        )
    if call.json:
        answer_json(found)
    elif found:
        answer_table(
            ("WHERE", "KIND", "NAME", "IN", "DEFINED", "REPOSITORY"),
            [(spot(row), row["kind"], row["name"], row["enclosing"], meant(row), of(row)) for row in found],
        )
    else:
        say(f"Nothing in the index uses {name}.")


@command(app, "dependents", panel="Ask the index")
def dependents(
    call: Call,
    repo: RepositoryArgument,
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="A file in it, from the repository's top.", show_default=False)
    ],
    *,
    depth: Annotated[int, typer.Option(min=1, max=1000, help="How many steps away.")] = 10,
) -> None:
    """Show which files need this one, directly or through others.

    Example:

        indexjob dependents . src/app/models.py
    """
    wanted = repository.spelt(repo)
    with call.connection() as connection:
        found = ask(connection, "SELECT * FROM indexjob.dependents(%s, %s, %s)", wanted, path, depth)
        if not found:
            require_file(connection, wanted, path)
    if call.json:
        answer_json(found)
    elif found:
        answer_table(("STEPS", "PATH", "REVISION"), [(row["depth"], row["path"], row["revision"]) for row in found])
    else:
        say(f"No file in the index needs {path}.")


@command(app, "cycles", panel="Ask the index")
def cycles(call: Call, repo: RepositoryArgument) -> None:
    """Show the circular import chains of a repository: for each group of files that all need each other, one shortest circle.

    Example:

        indexjob cycles https://github.com/org/app
    """
    wanted = repository.spelt(repo)
    with call.connection() as connection:
        found = ask(
            connection,
            "SELECT * FROM indexjob.cycles WHERE repository = indexjob.normalize_repository(%s) ORDER BY revision, size DESC, cycle",
            wanted,
        )
        if not found:
            require_file(connection, wanted, None)
    if call.json:
        answer_json(found)
    elif found:
        answer_table(
            ("FILES", "CIRCLE", "REVISION"), [(row["size"], circle(row["paths"]), row["revision"]) for row in found]
        )
    else:
        say("There are no circular imports.")


def ask(connection: psycopg.Connection, query: str, *values: object, **named: object) -> list[dict[str, Any]]:
    """Rows by column name."""
    from psycopg.rows import dict_row

    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, named or values).fetchall()


def require_file(connection: psycopg.Connection, repo: str | None, path: str | None) -> None:
    """An empty answer is true only of what was indexed.

    Raises:
        NotIndexedError: the repository, or the file, was not.
    """
    known = ask(
        connection,
        "SELECT bool_or(path = %s) AS file FROM indexjob.files WHERE repository = indexjob.normalize_repository(%s)",
        path,
        repo,
    )[0]["file"]
    if known is None and not ask(
        connection, "SELECT 1 FROM indexjob.files WHERE repository = indexjob.normalize_repository(%s) LIMIT 1", repo
    ):
        raise NotIndexedError(f"{repo} is not in the index.", f"Have it indexed: indexjob enqueue {repo} --wait")
    if path is not None and not known:
        raise NotIndexedError(
            f"There is no file {path} in the index of {repo}.", "Give its path from the top of the repository."
        )


def circle(paths: list[str]) -> str:
    """Closed, so that it can be seen to be one."""
    return " → ".join([*paths, paths[0]]) if paths else ""


def spot(row: dict[str, Any]) -> str:
    """As editors take it."""
    return f"{row['path']}:{row['line']}"


def meant(row: dict[str, Any]) -> str:
    """Where the definition of a use is, as editors take it; likely ones say so."""
    if row["definition_path"] is None:
        return ""
    return f"{row['definition_path']}:{row['definition_line']}{'' if row['confidence'] == 'certain' else '?'}"


def of(row: dict[str, Any]) -> str:
    """The repository and what of it."""
    return f"{row['repository']}@{row['revision']}"
