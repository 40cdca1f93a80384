"""What an attempt or a launch ended in.

One vocabulary for the worker that ends, the operator that looks at what is left of it, and the people who read the row: a typed
reason, a sentence, statistics. The reason carries the policy (see `ExitCode`), so nobody has to parse a message.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum

from indexjob import strict_json

TERMINATION_MESSAGE_LIMIT = 4096
"""Bytes that Kubernetes keeps of a container's termination message."""


class ExitCode(IntEnum):
    """How the worker's process says whether trying again makes sense (after BSD's sysexits, and timeout's 124)."""

    OK = 0
    BAD_INPUT = 65
    BUG = 70
    TRANSIENT = 75
    ACCESS_DENIED = 77
    DEADLINE = 124

    @property
    def permanent(self) -> bool:
        """Another attempt would end the same way."""
        return self in (ExitCode.BAD_INPUT, ExitCode.ACCESS_DENIED, ExitCode.DEADLINE)


class Reason(StrEnum):
    """Why an index job, a launch or an attempt is in the state that it is in."""

    # good ends
    COMPLETED = "Completed"
    UNCHANGED = "Unchanged"
    # a launch or an index job that ended otherwise
    BACKOFF_LIMIT_EXCEEDED = "BackoffLimitExceeded"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    PERMANENT_ERROR = "PermanentError"
    UNKNOWN_PROFILE = "UnknownProfile"
    INVALID_REQUEST = "InvalidRequest"
    TENANT_NOT_ALLOWED = "TenantNotAllowed"
    OOM_KILLED = "OOMKilled"
    EVICTED = "Evicted"
    NODE_LOST = "NodeLost"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    QUOTA_EXCEEDED = "QuotaExceeded"
    UNSCHEDULABLE = "Unschedulable"
    NOT_STARTED = "NotStarted"
    JOB_DELETED = "JobDeleted"
    STALLED = "Stalled"
    CANCELLED = "Cancelled"
    SUPERSEDED = "Superseded"
    # what an attempt says of itself
    REVISION_NOT_FOUND = "RevisionNotFound"
    REPOSITORY_NOT_FOUND = "RepositoryNotFound"
    NOT_A_REPOSITORY = "NotARepository"
    EMPTY_REPOSITORY = "EmptyRepository"
    CORRUPT_REPOSITORY = "CorruptRepository"
    UNSUPPORTED_URL = "UnsupportedUrl"
    TOO_LARGE = "TooLarge"
    INVALID_RUN_SPEC = "InvalidRunSpec"
    ACCESS_DENIED = "AccessDenied"
    NETWORK_ERROR = "NetworkError"
    DATABASE_ERROR = "DatabaseError"
    FENCED = "Fenced"
    TERMINATED = "Terminated"
    INTERNAL_ERROR = "InternalError"
    KILLED = "Killed"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the worker leaves behind as its termination message: JSON of at most 4096 bytes.

    `steps` holds the seconds that each step took, by name; `stats` the counts of what was published.
    """

    reason: Reason
    message: str = ""
    exit_code: int = 0
    commit: str | None = None
    steps: dict[str, float] = field(default_factory=dict)
    stats: dict[str, int] = field(default_factory=dict)
    peak_memory_bytes: int | None = None

    @classmethod
    def from_json(cls, text: str | bytes) -> Outcome:
        """What `termination_message` left, by a worker of another version too: what we don't know is passed over.

        Raises:
            MalformedError: it is no outcome.
        """
        return strict_json.read(cls, text, others_ignored=True)

    def termination_message(self) -> str:
        """This outcome in the space that Kubernetes gives it; what is too long is cut from the sentence."""
        text = strict_json.write(self)
        excess = len(text.encode()) - TERMINATION_MESSAGE_LIMIT
        if excess <= 0:
            return text
        message = self.message.encode()[: max(0, TERMINATION_MESSAGE_LIMIT // 4)].decode(errors="ignore")
        return strict_json.write(replace(self, message=message + " …"))
