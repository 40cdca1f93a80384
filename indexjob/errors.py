"""Errors for people: one clear sentence, and what to do about it.

Whoever stands at the outermost edge (the command line) prints the two and exits with `exit_code`; nothing else needs to know the kinds. A kind is
there where somebody decides by it.
"""

from __future__ import annotations


class ClearError(Exception):
    """Something that whoever asked can put right.

    `sentence` says what is wrong and holds no secret; `advice` says what to do, and may be empty.
    """

    exit_code = 1

    def __init__(self, sentence: str, advice: str = "") -> None:
        super().__init__(f"{sentence} {advice}".strip())
        self.sentence = sentence
        self.advice = advice


class EmbeddedPostgresError(ClearError):
    """The Postgres of our own can't be made, started or reached."""


class NoDatabaseError(ClearError):
    """No database is named, and there is none to embed."""


class DatabaseUrlError(ClearError):
    """What names the database is no connection string. It is never repeated: it may hold a password."""


class UnreachableError(ClearError):
    """Nobody answers where the database should be, or not in time. Waiting may help."""


class LoginRefusedError(ClearError):
    """The database answers and lets us not in: password, role, database, pg_hba."""


class SchemaError(ClearError):
    """The schema in the database is missing, too old or too new for this release."""


class RefusedError(ClearError):
    """The database refused what was asked for, and said why: its message and its hint."""


class NoSuchJobError(ClearError):
    """No index job of the caller's has this id."""


class AmbiguousIdError(ClearError):
    """Several index jobs begin like this."""
