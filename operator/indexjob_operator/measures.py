"""Puts what became of index jobs into the metrics. Here and not where it happens, so that reconciling reads as what it does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from indexjob.outcome import ExitCode, Reason
from indexjob_operator import metrics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexjob.queue.leader import ActiveJob, FinishedLaunch
    from indexjob_operator.runtime.protocol import LaunchSeen, PodSeen


GOOD_ENDS = {Reason.COMPLETED: "completed", Reason.UNCHANGED: "skipped"}
"""Reasons of what was published, and the state that it ends in."""


def launched(job: ActiveJob) -> None:
    """Its launch was made."""
    metrics.LAUNCHES.labels(job.profile).inc()
    _took("queue", job.due_at, job.launched_at)


def running(job: ActiveJob) -> None:
    """Its first pod has started."""
    _took("launch", job.launched_at, datetime.now(UTC))


def attempted(pod: PodSeen) -> None:
    """Counts a pod that has ended."""
    if pod.finished_at is None:
        return
    said = pod.outcome.reason if pod.outcome else pod.reason
    metrics.ATTEMPTS.labels(said or (Reason.COMPLETED if pod.exit_code == ExitCode.OK else Reason.KILLED)).inc()


def requeued(reason: str) -> None:
    """It is back in line."""
    metrics.REQUEUES.labels(reason).inc()


def finished(job: ActiveJob, verdict: FinishedLaunch, seen: LaunchSeen | None) -> None:
    """Its outcome was recorded."""
    metrics.OUTCOMES.labels(*ended_as(job, verdict, seen)).inc()
    ends = [pod.finished_at for pod in seen.pods if pod.finished_at] if seen else []
    if ends:
        _took("run", job.started_at, max(ends))
        _took("record", max(ends), datetime.now(UTC))


def ended_as(job: ActiveJob, verdict: FinishedLaunch, seen: LaunchSeen | None) -> tuple[str, str]:
    """State and reason as the row has them now, where what was published counts whatever is said; the row may have been read before that, but not its pod."""
    for reason, state in GOOD_ENDS.items():
        if job.verdict == state or (job.verdict is None and reason in _said_well(seen)):
            return state, reason
    return "failed", verdict.reason


def _said_well(seen: LaunchSeen | None) -> Iterator[Reason]:
    """The reasons of attempts that ended well."""
    return (pod.outcome.reason for pod in (seen.pods if seen else ()) if pod.outcome and pod.exit_code == ExitCode.OK)


def _took(phase: str, began: datetime | None, ended: datetime | None) -> None:
    if began and ended:
        metrics.DURATIONS.labels(phase).observe(max(0.0, (ended - began).total_seconds()))
