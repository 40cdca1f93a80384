"""Ids as people type them: the first few digits are enough, as with git."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from indexjob.errors import AmbiguousIdError, NoSuchJobError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from psycopg import AsyncConnection

SHOWN = 8
SHORTEST = 4
WHOLE = 32

IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="The index job's id, or its first 4 digits or more.", show_default=False)
]
IdsArgument = Annotated[
    list[str],
    typer.Argument(metavar="ID...", help="Ids of index jobs, or their first 4 digits or more.", show_default=False),
]


def short(job: UUID) -> str:
    """As tables show it."""
    return str(job)[:SHOWN]


async def resolve(connection: AsyncConnection, typed: str) -> UUID:
    """The one job that is meant.

    Raises:
        NoSuchJobError: none of the caller's is.
        AmbiguousIdError: more than one is.
    """
    from indexjob.queue import producer

    digits = typed.strip().lower().replace("-", "")
    if not re.fullmatch(rf"[0-9a-f]{{{SHORTEST},{WHOLE}}}", digits):
        raise NoSuchJobError(
            f'"{typed}" is no id of an index job.',
            f"An id is 32 hexadecimal digits, its first {SHORTEST} or more will do; `indexjob list` shows them.",
        )
    found = await producer.ids_beginning_with(connection, digits)
    if not found:
        raise NoSuchJobError(f"There is no index job {typed}, or it is not yours.", "`indexjob list` shows yours.")
    if len(found) > 1:
        some = ", ".join(str(job)[: len(typed) + SHOWN] for job in found)
        raise AmbiguousIdError(f"Several index jobs begin with {typed}: {some}, …", "Type more of the id.")
    return found[0]


async def resolve_all(connection: AsyncConnection, typed: Iterable[str]) -> list[UUID]:
    """The jobs that are meant, each once, in the order in which they were named."""
    return list(dict.fromkeys([await resolve(connection, each) for each in typed]))
