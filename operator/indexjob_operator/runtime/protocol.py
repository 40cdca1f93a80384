"""What the operator asks of whatever runs its launches, and what it is shown of them.

Modelled on a Kubernetes Job, because that is the product: a launch is named once, makes attempts (pods) by itself up to its backoff limit, and ends
with a condition. A runtime never touches the queue.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
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

    `database_ca` is the certificate of a private CA, to check the database's server by; empty is none.
    `memory_bytes` is for a launch after one that was killed for memory; None is what the profile says.
    """

    run_spec: RunSpec
    backoff_limit: int
    profile: Profile
    database_url: str = field(repr=False)
    launch_token: str = field(repr=False)
    database_ca: str = ""
    memory_bytes: int | None = None
    credential: CredentialRef | None = None

    @property
    def key(self) -> LaunchKey:
        """Which launch this is."""
        return LaunchKey(self.run_spec.job_id, self.run_spec.launch)

    @property
    def secret_name(self) -> str:
        """What its Secret is called: nobody who can't read the database can say it before, and have one of his own there that our pods would read."""
        return f"{self.key.name}-{sha256(self.launch_token.encode()).hexdigest()[:16]}"


class LaunchRefusedError(Exception):
    """The runtime won't make this launch, with a sentence for people. `permanent`: nor any other of this index job, as it is."""

    def __init__(self, reason: Reason, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.permanent = permanent


class RuntimeAwayError(Exception):
    """The runtime doesn't answer: nor would it if it were asked about another launch. Any other error says nothing about others."""


class Condition(StrEnum):
    """How a launch ended."""

    COMPLETE = "Complete"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class PodSeen:
    """One attempt as the runtime sees it.

    `reason` and `message` are what the runtime knows of its end (OOMKilled, Evicted, Killed, …), `outcome` what the worker said last, if it could.
    """

    uid: str
    name: str
    node: str | None = None
    started_at: datetime | None = None
    indexing_since: datetime | None = None
    """When `clone` had ended well: heartbeats are due from then on. Before, there are none: `clone` can't reach the database."""
    finished_at: datetime | None = None
    exit_code: int | None = None
    reason: Reason | None = None
    outcome: Outcome | None = None
    log_tail: str | None = None
    message: str | None = None
    peak_memory_bytes: int | None = None
    disrupted: bool = False
    """Ended by the cluster, not by itself (its node drained, preempted, lost): it spends nothing of `backoffLimit`."""
    container: str = "index"
    """Whose end was the attempt's."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why no pod has started yet: QuotaExceeded, Unschedulable, ImagePullFailed or NotStarted, with a sentence, and since when."""

    reason: Reason
    message: str
    since: datetime
    refused: bool = False
    """There is no pod, and nothing but another launch, later, will make one."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The launch will come to no end by itself: what is left of it is to be taken down."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class LaunchSeen:
    """A launch as the runtime sees it: `condition` is None until it has ended, and then no pod of it runs any more."""

    key: LaunchKey
    condition: Condition | None = None
    pods: tuple[PodSeen, ...] = ()
    interrupted: bool = False
    """Ended by the runtime's own shutdown: nobody's fault, and no attempt is spent."""
    waiting: Waiting | None = None
    lost: Lost | None = None
    ended_by: str | None = None
    """The runtime's own word for why it failed, where the attempts are gone that would say it."""
    retried: bool = False
    """An attempt has failed, though it may not be there to be seen any more."""
    unexplained: bool = False
    """Nothing of it runs, and a closer look may say why."""
    incomplete: bool = False
    """Made in part, by an operator that crashed over it: launching it again makes the rest."""
    created_at: datetime | None = None
    released: bool = False
    """Its outcome was recorded: it is kept for people to look at."""
    look_again_seconds: float | None = None
    """No hint will say that it is time to look again; then it is."""


class Runtime(Protocol):
    """Runs launches. It says that something changed by calling the `hint` that it was made with; what changed is asked for."""

    missing: Lost
    """What it means that the launch of a running index job is nowhere."""

    async def launch(self, request: LaunchRequest) -> None:
        """Start it; where a launch of this name is under way already, do nothing.

        Raises:
            LaunchRefusedError: it can't be started, now or ever.
        """

    async def observe(self, key: LaunchKey) -> LaunchSeen | None:
        """How it is; None if there is nothing of that name."""

    async def cancel(self, key: LaunchKey) -> bool:
        """Take it down; whether nothing of it runs or is kept any more. If something still does, a hint follows. Nothing of that name is fine."""

    async def release(self, key: LaunchKey, *, ttl_seconds: int | None = None) -> None:
        """Its outcome is recorded: what is left of it may go, and what people may look at goes after `ttl_seconds` (None: as its profile says)."""

    async def log_tail(self, key: LaunchKey, pod: PodSeen) -> str | None:
        """The last lines that an attempt wrote, without credentials; None if they can't be had."""

    async def list(self) -> list[LaunchSeen]:
        """Every launch that there is."""
