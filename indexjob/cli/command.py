"""What all commands share: how to ask for JSON, which database, and being async if they like."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    import psycopg

    from indexjob.database import Database


INTERRUPTED = 130


class Output(StrEnum):
    """`table` for people, `json` for programs."""

    TABLE = "table"
    JSON = "json"


OutputOption = Annotated[Output, typer.Option("--output", "-o", help="A table for people, or JSON for programs.")]
UrlFileOption = Annotated[
    Path | None,
    typer.Option(
        "--database-url-file",
        envvar="INDEXJOB_DATABASE_URL_FILE",
        help="File that holds the database's URL, or a mounted Secret's directory, instead of INDEXJOB_DATABASE_URL.",
        show_envvar=False,
    ),
]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a command: what every command is told, before its own arguments."""

    output: Output
    database_url_file: Path | None

    @property
    def json(self) -> bool:
        """A program reads the answer."""
        return self.output is Output.JSON

    @contextmanager
    def database(self) -> Iterator[Database]:
        """The database to work on."""
        from indexjob.database import open_database

        with open_database(self.database_url_file) as database:
            yield database

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection]:
        """A connection to it, for reading the index."""
        with self.database() as database, database.connect() as connection:
            yield connection

    @asynccontextmanager
    async def queue(self) -> AsyncIterator[tuple[Database, psycopg.AsyncConnection]]:
        """The database and a connection to it, for the queue."""
        with self.database() as database:
            async with database.connect_async() as connection:
                yield database, connection


def command(app: typer.Typer, name: str, panel: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function as a command of `app`. Its first parameter is the `Call`; the options for that are added to its own.

    The function may be async. What it returns, if it is a number, is the exit code. `panel` is its group in the help.
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]

        @wraps(function)
        def run(*, output: Output, database_url_file: Path | None, **arguments: Any) -> None:
            result = function(Call(output, database_url_file), **arguments)
            if inspect.iscoroutine(result):
                try:
                    result = asyncio.run(result)
                except asyncio.CancelledError:
                    raise typer.Exit(INTERRUPTED) from None
            if result:
                raise typer.Exit(result)

        keyword = inspect.Parameter.KEYWORD_ONLY
        shared = [
            inspect.Parameter("output", keyword, default=Output.TABLE, annotation=OutputOption),
            inspect.Parameter("database_url_file", keyword, default=None, annotation=UrlFileOption),
        ]
        parameters = [parameter.replace(kind=keyword) for parameter in own] + shared
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        del run.__wrapped__  # its signature is not the command's
        app.command(name, rich_help_panel=panel)(run)
        return function

    return register
