"""Puts what became of index jobs into the metrics. Here and not where it happens, so that reconciling reads as what it does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from indexjob.outcome import ExitCode, Reason
from indexjob_operator import metrics

if TYPE_CHECKING:
    from indexjob.queue.leader import ActiveJob, FinishedLaunch
    from indexjob_operator.runtime.protocol import LaunchSeen, PodSeen


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
    metrics.OUTCOMES.labels(job.verdict or "failed", verdict.reason).inc()
    ends = [pod.finished_at for pod in seen.pods if pod.finished_at] if seen else []
    if ends:
        _took("run", job.started_at, max(ends))
        _took("record", max(ends), datetime.now(UTC))


def _took(phase: str, began: datetime | None, ended: datetime | None) -> None:
    if began and ended:
        metrics.DURATIONS.labels(phase).observe(max(0.0, (ended - began).total_seconds()))
