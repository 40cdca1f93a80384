"""How a run ends when it does not end well: the type carries the reason and, by its exit code, whether to try again.

Nobody who catches one of these has to read its sentence; the sentence is for the person who asked for the index.
"""

from typing import ClassVar

from indexjob.outcome import ExitCode, Reason


class RunError(Exception):
    """One clear sentence, free of credentials, that says what was wrong and what to do about it."""

    reason: ClassVar[Reason]
    exit_code: ClassVar[ExitCode]

    @property
    def sentence(self) -> str:
        """What people read."""
        return str(self)


class RevisionNotFoundError(RunError):
    """The repository is there, the branch, tag or commit is not."""

    reason = Reason.REVISION_NOT_FOUND
    exit_code = ExitCode.BAD_INPUT


class RepositoryNotFoundError(RunError):
    """Nothing is there under that address, or it is hidden from who asks."""

    reason = Reason.REPOSITORY_NOT_FOUND
    exit_code = ExitCode.BAD_INPUT


class NotARepositoryError(RunError):
    """Something answers, but not as git."""

    reason = Reason.NOT_A_REPOSITORY
    exit_code = ExitCode.BAD_INPUT


class EmptyRepositoryError(RunError):
    """A repository without a single commit."""

    reason = Reason.EMPTY_REPOSITORY
    exit_code = ExitCode.BAD_INPUT


class CorruptRepositoryError(RunError):
    """What the server sent is damaged, or forbidden in a repository."""

    reason = Reason.CORRUPT_REPOSITORY
    exit_code = ExitCode.BAD_INPUT


class UnsupportedUrlError(RunError):
    """An address that is not cloned, whatever is behind it."""

    reason = Reason.UNSUPPORTED_URL
    exit_code = ExitCode.BAD_INPUT


class TooLargeError(RunError):
    """Over one of the limits that the administrator sets."""

    reason = Reason.TOO_LARGE
    exit_code = ExitCode.BAD_INPUT


class InvalidRunSpecError(RunError):
    """What the run was told makes no sense, or is not there."""

    reason = Reason.INVALID_RUN_SPEC
    exit_code = ExitCode.BAD_INPUT


class AccessDeniedError(RunError):
    """The server knows who asks and refuses, or wants to know and was not told."""

    reason = Reason.ACCESS_DENIED
    exit_code = ExitCode.ACCESS_DENIED


class NetworkError(RunError):
    """The way to the server, or the server itself, failed: another attempt may find it mended."""

    reason = Reason.NETWORK_ERROR
    exit_code = ExitCode.TRANSIENT


class DatabaseError(RunError):
    """Postgres could not be reached, or went away and stayed away."""

    reason = Reason.DATABASE_ERROR
    exit_code = ExitCode.TRANSIENT


class FencedError(RunError):
    """This launch is no longer the current one: cancelled, or given up for lost. Permanent for its other pods too."""

    reason = Reason.FENCED
    exit_code = ExitCode.BAD_INPUT


class Stop(BaseException):
    """The run is to end now. Not an Exception, so that no retry on the way swallows it."""

    def __init__(self, reason: Reason, exit_code: ExitCode, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.exit_code = exit_code
        self.sentence = sentence
