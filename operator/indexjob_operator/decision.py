"""Judges, from a row and what the runtime shows of its launch, what to do next. Pure: the same input, the same decision.

Publishing is the verdict: what the worker published is completed, whatever its launch says. An API error never comes here as "no launch".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexjob.outcome import ExitCode, Reason
from indexjob.queue.leader import FinishedLaunch
from indexjob_operator.runtime.protocol import Condition, LaunchKey, LaunchSeen, PodSeen

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from indexjob.queue.leader import ActiveJob


@dataclass(frozen=True, slots=True)
class Launch:
    """Make the launch that the row asks for."""


@dataclass(frozen=True, slots=True)
class Wait:
    """All is as it should be."""


@dataclass(frozen=True, slots=True)
class MarkRunning:
    """A pod has started."""


@dataclass(frozen=True, slots=True)
class Finish:
    """The launch has ended, and so has the index job."""

    verdict: FinishedLaunch


@dataclass(frozen=True, slots=True)
class Requeue:
    """Take down what is left of the launch, then put the index job back in line.

    `infrastructure` counts as a reset, not as a failure of the job's own.
    """

    reason: Reason
    message: str
    spent: int = 0
    infrastructure: bool = False


@dataclass(frozen=True, slots=True)
class TakeDown:
    """This launch no longer counts: cancelled, suspended, finished elsewhere or outdated. Free its repository once it is gone."""

    key: LaunchKey


Decision = Launch | Wait | MarkRunning | Finish | Requeue | TakeDown


def decide(job: ActiveJob, seen: LaunchSeen | None, now: datetime, heartbeat_timeout: timedelta) -> Decision:
    """What to do about this index job; `seen` is the launch that holds its slot."""
    key = LaunchKey(job.id, job.slot_launch)
    if not job.under_way or key.launch != job.launch:
        return TakeDown(key)
    if seen is None:
        return _missing(job)
    if seen.condition is Condition.COMPLETE:
        return Finish(
            _verdict(job, Reason.INTERNAL_ERROR, "The worker ended well, but published nothing. Please report this.")
        )
    if seen.condition is Condition.FAILED:
        return _failed(job, seen)
    if job.heartbeat_at is not None and now - job.heartbeat_at > heartbeat_timeout:
        silence = int((now - job.heartbeat_at).total_seconds())
        return Requeue(Reason.STALLED, f"The run gave no sign of life for {silence} s.", infrastructure=True)
    if job.state == "launching" and any(pod.started_at for pod in seen.pods):
        return MarkRunning()
    return Wait()


def _missing(job: ActiveJob) -> Decision:
    if job.verdict is not None:
        return Finish(_verdict(job, Reason.JOB_DELETED, ""))
    if job.state == "launching":
        return Launch()
    return Requeue(
        Reason.NODE_LOST, "What ran it is gone: it was killed, or its machine was lost.", infrastructure=True
    )


def _failed(job: ActiveJob, seen: LaunchSeen) -> Decision:
    if job.verdict is not None:
        return Finish(_verdict(job, Reason.COMPLETED, ""))
    if seen.interrupted:
        return Requeue(Reason.TERMINATED, "The dispatcher was stopped while it ran.")
    failed = [pod for pod in seen.pods if pod.finished_at and pod.exit_code != ExitCode.OK]
    if not failed:
        return Requeue(Reason.JOB_DELETED, "Its launch ended before any attempt did.", infrastructure=True)
    last = failed[-1]
    if last.exit_code == ExitCode.DEADLINE:
        return Finish(_verdict(job, Reason.DEADLINE_EXCEEDED, last.outcome.message if last.outcome else describe(last)))
    if last.exit_code in (ExitCode.BAD_INPUT, ExitCode.ACCESS_DENIED):
        return Finish(_verdict(job, Reason.PERMANENT_ERROR, describe(last)))
    attempts = (
        "The only attempt failed" if len(failed) == 1 else f"All {len(failed)} attempts failed, the last one with"
    )
    return Finish(_verdict(job, Reason.BACKOFF_LIMIT_EXCEEDED, f"{attempts}: {describe(last)}"))


def describe(pod: PodSeen) -> str:
    """A sentence for people about how an attempt ended."""
    if pod.outcome is not None:
        return f"{pod.outcome.reason}: {pod.outcome.message}" if pod.outcome.message else str(pod.outcome.reason)
    return f"{pod.reason or Reason.KILLED}: the worker ended with exit code {pod.exit_code} and no word."


def _verdict(job: ActiveJob, reason: Reason, message: str) -> FinishedLaunch:
    return FinishedLaunch(job.id, job.launch, reason, message)
