"""What can go wrong when a worker publishes, each with its policy: the reason recorded, and how the worker exits."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

import psycopg

from indexjob.outcome import ExitCode, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator


class PublishError(Exception):
    """Nothing was published by this call; what the revision showed before, it shows still."""

    sqlstate: ClassVar[str]
    reason: ClassVar[Reason] = Reason.DATABASE_ERROR
    exit_code: ClassVar[ExitCode] = ExitCode.TRANSIENT


class FencedError(PublishError):
    """This launch is over (cancelled, suspended, lost, followed by another), or the token is not its own."""

    sqlstate = "IJ002"
    reason = Reason.FENCED


class AlreadyPublishedError(PublishError):
    """An earlier attempt of this launch lost its connection after the commit: there is nothing left to do."""

    sqlstate = "IJ021"
    reason = Reason.COMPLETED
    exit_code = ExitCode.OK


class ContentGoneError(PublishError):
    """Content or a graph that was there is there no more. Another attempt extracts it again."""

    sqlstate = "IJ022"


class UnknownSnapshotError(PublishError):
    """There is no snapshot of the commit that was called unchanged; it has to be indexed."""

    sqlstate = "IJ023"


@contextmanager
def typed_errors() -> Iterator[None]:
    """Turn our SQLSTATEs into our types; every other database error passes through."""
    try:
        yield
    except psycopg.Error as error:
        for kind in PublishError.__subclasses__():
            if error.sqlstate == kind.sqlstate:
                raise kind(error.diag.message_primary) from error
        raise
