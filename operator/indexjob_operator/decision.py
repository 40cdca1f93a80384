"""Judges, from a row and what the runtime shows of its launch, what to do next. Pure: the same input, the same decision.

Publishing is the verdict: what the worker published is completed, whatever its launch says. An API error never comes here as "no launch".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from indexjob.outcome import ExitCode, Reason
from indexjob.queue.leader import FinishedLaunch
from indexjob_operator.ending import judge_failure, spent_by
from indexjob_operator.profiles import Profile
from indexjob_operator.runtime.protocol import Condition, LaunchKey, LaunchSeen, Lost, PodSeen, Waiting

if TYPE_CHECKING:
    from datetime import datetime

    from indexjob.queue.leader import ActiveJob

MOST_DISRUPTIONS = 10
"""Kubernetes counts none of them, and a node under pressure disrupts for ever."""


@dataclass(frozen=True, slots=True)
class Launch:
    """Make the launch that the row asks for."""


@dataclass(frozen=True, slots=True)
class Wait:
    """All is as it should be, or `waiting` says what a pod waits for; look again after so many seconds though nothing is heard."""

    waiting: Waiting | None = None
    look_again_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class MarkRunning:
    """A pod has started."""


@dataclass(frozen=True, slots=True)
class Finish:
    """The launch has ended, and so has the index job. `take_down`: the launch has not ended by itself, and must go first."""

    verdict: FinishedLaunch
    take_down: bool = False

    def note(self) -> dict[str, Any]:
        """For `noted`."""
        return {"again": False, "reason": self.verdict.reason, "message": self.verdict.message}


@dataclass(frozen=True, slots=True)
class Requeue:
    """Take down what is left of the launch, then put the index job back in line, due after `pause`.

    `infrastructure` counts as a reset, not as a failure of the job's own.
    """

    reason: Reason
    message: str
    spent: int = 0
    infrastructure: bool = False
    pause: timedelta | None = None

    def note(self) -> dict[str, Any]:
        """For `noted`."""
        pause = self.pause.total_seconds() if self.pause else None
        return {
            "again": True,
            "reason": self.reason,
            "message": self.message,
            "spent": self.spent,
            "infrastructure": self.infrastructure,
            "pause": pause,
        }


@dataclass(frozen=True, slots=True)
class TakeDown:
    """This launch no longer counts: cancelled, suspended, finished elsewhere or outdated. Free its repository once it is gone."""

    key: LaunchKey


Decision = Launch | Wait | MarkRunning | Finish | Requeue | TakeDown


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long things may take, and what a launch may be given.

    `missing`: what it means that the launch of a running job is nowhere. `refused_again`: when a launch that got no pod is tried again.
    """

    missing: Lost
    profile: Profile = field(default_factory=Profile)
    refused_again: timedelta = timedelta(seconds=30)


def noted(job: ActiveJob, note: dict[str, Any]) -> Finish | Requeue:
    """What was judged of a launch before it was taken down: it stands, whatever is left to be seen of it."""
    if not note["again"]:
        return Finish(_verdict(job, note["reason"], note["message"]), take_down=True)
    pause = None if note["pause"] is None else timedelta(seconds=note["pause"])
    return Requeue(Reason(note["reason"]), note["message"], note["spent"], note["infrastructure"], pause)


def decide(job: ActiveJob, seen: LaunchSeen | None, now: datetime, bounds: Bounds) -> Decision:
    """What to do about this index job; `seen` is the launch that holds its slot."""
    key = LaunchKey(job.id, job.slot_launch)
    if not job.under_way or key.launch != job.launch:
        return TakeDown(key)
    if job.ending is not None:
        return noted(job, job.ending)
    if seen is None:
        return _missing(job, bounds.missing)
    if seen.condition is Condition.COMPLETE:
        return Finish(
            _verdict(job, Reason.INTERNAL_ERROR, "The worker ended well, but published nothing. Please report this.")
        )
    if seen.condition is Condition.FAILED:
        return _failed(job, seen, bounds)
    if job.verdict is not None and _held_up(seen):
        return Finish(_verdict(job, Reason.COMPLETED, ""), take_down=True)
    if seen.lost is not None:
        return Requeue(seen.lost.reason, seen.lost.message, spent_by(job, seen), infrastructure=True)
    if seen.incomplete and job.state == "launching" and job.verdict is None:
        return Launch()
    return _overdue(job, seen, now) or _under_way(job, seen, now, bounds)


def _under_way(job: ActiveJob, seen: LaunchSeen, now: datetime, bounds: Bounds) -> Decision:
    if job.state == "launching" and any(pod.started_at for pod in seen.pods):
        return MarkRunning()
    if seen.waiting is None:
        return Wait(look_again_seconds=seen.look_again_seconds)
    spent = spent_by(job, seen)
    if seen.waiting.refused:
        return Requeue(seen.waiting.reason, seen.waiting.message, spent, pause=bounds.refused_again)
    limit = timedelta(seconds=bounds.profile.waiting_seconds)
    waited = now - seen.waiting.since
    if waited < limit:
        left = (limit - waited).total_seconds() + 0.1
        return Wait(seen.waiting, min(left, seen.look_again_seconds or left))
    sentence = f"It waited {int(waited.total_seconds())} s for a pod to start. {seen.waiting.message}"
    if spent < job.backoff_left:
        return Requeue(seen.waiting.reason, sentence, spent + 1)
    return Finish(_verdict(job, seen.waiting.reason, sentence), take_down=True)


def _overdue(job: ActiveJob, seen: LaunchSeen, now: datetime) -> Decision | None:
    """What the launch does not end by itself."""
    if any(pod.reason is Reason.DEADLINE_EXCEEDED for pod in seen.pods):
        sentence = "The worker did not end at its deadline, nor after it, and was killed."
        return Finish(_verdict(job, Reason.DEADLINE_EXCEEDED, sentence), take_down=True)
    disrupted = [pod for pod in seen.pods if pod.disrupted]
    disruptions = max(job.disruptions, len(disrupted))  # an evicted pod is soon gone, what was recorded of it is not
    if disruptions > MOST_DISRUPTIONS:
        last = disrupted[-1] if disrupted else PodSeen("", "", reason=Reason.EVICTED)
        sentence = f"The cluster ended {disruptions} of its pods, the last one with: {last.message or last.reason}."
        return Finish(_verdict(job, last.reason or Reason.EVICTED, sentence), take_down=True)
    last_sign = _last_sign(job, seen)
    if last_sign is not None and now - last_sign > job.heartbeat_timeout:
        sentence = f"The run gave no sign of life for {int((now - last_sign).total_seconds())} s."
        return Requeue(Reason.STALLED, sentence, spent_by(job, seen), infrastructure=True)
    return None


def _last_sign(job: ActiveJob, seen: LaunchSeen) -> datetime | None:
    """Since when there was no heartbeat though one was due; None while none is, as before `index` begins.

    A heartbeat is of the pod that runs only if it came after that began: what an attempt before it left says nothing. It counts though the pod seems to
    clone still: a node that falls silent tells no more of what it has begun.
    """
    running = [pod for pod in seen.pods if pod.started_at and not pod.finished_at]
    if not running or seen.waiting is not None:
        return None
    pod = running[-1]
    heard = job.heartbeat_at if job.heartbeat_at and pod.started_at and job.heartbeat_at >= pod.started_at else None
    return max(filter(None, (pod.indexing_since, heard)), default=None)


def _held_up(seen: LaunchSeen) -> bool:
    """The attempt that published is over, or its node is: another would only find that there is nothing left to do."""
    failed = any(pod.finished_at and pod.exit_code != ExitCode.OK for pod in seen.pods)
    return failed or seen.retried or seen.lost is not None or seen.waiting is not None


def _missing(job: ActiveJob, missing: Lost) -> Decision:
    if job.verdict is not None:
        return Finish(_verdict(job, Reason.JOB_DELETED, ""), take_down=True)
    if job.state == "launching":
        return Launch()
    return Requeue(missing.reason, missing.message, infrastructure=True)


def _failed(job: ActiveJob, seen: LaunchSeen, bounds: Bounds) -> Decision:
    if job.verdict is not None:
        return Finish(_verdict(job, Reason.COMPLETED, ""))
    if seen.interrupted:
        return Requeue(Reason.TERMINATED, "The dispatcher was stopped while it ran.")
    failure = judge_failure(job, seen, bounds.profile)
    if failure.again:
        return Requeue(failure.reason, failure.message, failure.spent, infrastructure=failure.infrastructure)
    return Finish(_verdict(job, failure.reason, failure.message))


def _verdict(job: ActiveJob, reason: Reason, message: str) -> FinishedLaunch:
    return FinishedLaunch(job.id, job.launch, reason, message)
