"""What the operator asks of whatever runs its launches, and what it is shown of them.

Modelled on a Kubernetes Job, because that is the product: a launch is named once, makes attempts (pods) by itself up to its backoff limit, and ends
with a condition. A runtime never touches the queue.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from indexjob.outcome import Outcome, Reason
    from indexjob.run_spec import RunSpec
    from indexjob_operator.profiles import Profile


class LaunchKey(NamedTuple):
    """Which launch: an index job's id and the number of the launch."""

    job_id: UUID
    launch: int

    @property
    def name(self) -> str:
        """The launch's name in its runtime. It is never used twice."""
        return f"{self.job_id}-{self.launch}"


class CredentialRef(NamedTuple):
    """Which Secret holds the git credential: its name, and the namespace where it may lie besides the one that launches run in."""

    secret: str
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class LaunchRequest:
    """All that a launch needs. The two secrets go to the worker's `index` alone, the git credential to `clone` alone, as files.

    `memory_bytes` is for a launch after one that was killed for memory; None is what the profile says.
    """

    run_spec: RunSpec
    backoff_limit: int
    profile: Profile
    database_url: str = field(repr=False)
    launch_token: str = field(repr=False)
    memory_bytes: int | None = None
    credential: CredentialRef | None = None

    @property
    def key(self) -> LaunchKey:
        """Which launch this is."""
        return LaunchKey(self.run_spec.job_id, self.run_spec.launch)


class LaunchRefusedError(Exception):
    """The runtime won't make this launch, with a sentence for people. `permanent`: nor any other of this index job, as it is."""

    def __init__(self, reason: Reason, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.permanent = permanent


class Condition(StrEnum):
    """How a launch ended."""

    COMPLETE = "Complete"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class PodSeen:
    """One attempt as the runtime sees it.

    `reason` is what the runtime knows of its end (OOMKilled, Evicted, Killed, …), `outcome` what the worker said last, if it could.
    """

    uid: str
    name: str
    node: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int | None = None
    reason: Reason | None = None
    outcome: Outcome | None = None
    log_tail: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why no pod has started yet: QuotaExceeded, Unschedulable, ImagePullFailed or NotStarted, with a sentence, and since when."""

    reason: Reason
    message: str
    since: datetime


@dataclass(frozen=True, slots=True)
class LaunchSeen:
    """A launch as the runtime sees it: `condition` is None until it has ended, and then no pod of it runs any more."""

    key: LaunchKey
    condition: Condition | None = None
    pods: tuple[PodSeen, ...] = ()
    interrupted: bool = False
    """Ended by the runtime's own shutdown: nobody's fault, and no attempt is spent."""
    waiting: Waiting | None = None


class Runtime(Protocol):
    """Runs launches. It says that something changed by calling the `hint` that it was made with; what changed is asked for."""

    async def launch(self, request: LaunchRequest) -> None:
        """Start it; where a launch of this name is under way already, do nothing."""

    async def observe(self, key: LaunchKey) -> LaunchSeen | None:
        """How it is; None if there is nothing of that name."""

    async def cancel(self, key: LaunchKey) -> None:
        """Take it down; when this returns, nothing of it runs or is kept. Nothing of that name is fine."""

    async def release(self, key: LaunchKey) -> None:
        """Its outcome is recorded: what is left of it may go."""

    async def list(self) -> list[LaunchSeen]:
        """Every launch that there is."""
