"""Judges why a launch failed, and whether another would do better. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexjob.outcome import ExitCode, Reason
from indexjob_operator.quantities import readable
from indexjob_operator.requests import memory_after

if TYPE_CHECKING:
    from indexjob.queue.leader import ActiveJob
    from indexjob_operator.profiles import Profile
    from indexjob_operator.runtime.protocol import LaunchSeen, PodSeen

KILLED = 137
BY_POLICY = "PodFailurePolicy"
BY_BACKOFF = "BackoffLimitExceeded"
_EXIT_CODE = re.compile(r"exit code (\d+)")


@dataclass(frozen=True, slots=True)
class Failure:
    """The reason and a sentence; `again` if another launch makes sense, at the cost of `spent` of what is left of `backoffLimit`."""

    reason: Reason
    message: str
    again: bool = False
    spent: int = 0
    infrastructure: bool = False


def judge_failure(job: ActiveJob, seen: LaunchSeen, profile: Profile) -> Failure:
    """Of a launch that has failed, by what its attempts left behind."""
    failed = _failed_attempts(seen)
    if not failed:
        return _without_attempts(job, seen)
    last = failed[-1]
    if last.exit_code == ExitCode.DEADLINE or last.reason is Reason.DEADLINE_EXCEEDED:
        return Failure(Reason.DEADLINE_EXCEEDED, last.outcome.message if last.outcome else describe(last))
    if last.exit_code in (ExitCode.BAD_INPUT, ExitCode.ACCESS_DENIED):
        return Failure(Reason.PERMANENT_ERROR, describe(last))
    if last.reason is Reason.OOM_KILLED:
        return _out_of_memory(job, seen, profile)
    if last.exit_code == KILLED and _ended_by(seen, BY_POLICY) and len(failed) <= job.backoff_left:
        return Failure(Reason.KILLED, describe(last), again=True, spent=len(failed))
    attempts = (
        "The only attempt failed" if len(failed) == 1 else f"All {len(failed)} attempts failed, the last one with"
    )
    reason = last.reason if last.reason in (Reason.EVICTED, Reason.NODE_LOST) else Reason.BACKOFF_LIMIT_EXCEEDED
    return Failure(reason, f"{attempts}: {describe(last)}")


def spent_by(job: ActiveJob, seen: LaunchSeen) -> int:
    """How much of `backoffLimit` this launch has used up, no more than there was."""
    return min(len(_failed_attempts(seen)), max(0, job.backoff_left))


def describe(pod: PodSeen) -> str:
    """A sentence for people about how an attempt ended."""
    if pod.message:
        return f"{pod.reason}: {pod.message}"
    if pod.outcome is not None:
        return f"{pod.outcome.reason}: {pod.outcome.message}" if pod.outcome.message else str(pod.outcome.reason)
    if pod.exit_code is None:
        return f"{pod.reason or Reason.KILLED}: it ended before the worker could say anything."
    return f"{pod.reason or Reason.KILLED}: the worker ended with exit code {pod.exit_code} and no word."


def _out_of_memory(job: ActiveJob, seen: LaunchSeen, profile: Profile) -> Failure:
    failed = _failed_attempts(seen)
    had, now = (memory_after(profile, kills) for kills in (job.oom_kills, job.oom_kills + 1))
    if had is None or now is None:
        sentence = (
            "It was killed because its node ran out of memory. The administrator can give its profile a memory limit."
        )
        more = len(failed) <= job.backoff_left
        return Failure(Reason.OOM_KILLED, sentence, again=more, spent=len(failed))
    if now <= had:
        sentence = (
            f'It needed more than {readable(had)} of memory, the most that profile "{job.profile}" allows. '
            "Exclude large directories, or ask the administrator for a profile with a higher memoryCap."
        )
        return Failure(Reason.OOM_KILLED, sentence)
    sentence = f"It needed more than {readable(had)} of memory"
    if len(failed) > job.backoff_left:
        return Failure(Reason.OOM_KILLED, f"{sentence}, and no attempt is left to try with more; raise backoffLimit.")
    return Failure(
        Reason.OOM_KILLED, f"{sentence}; the next launch has {readable(now)}.", again=True, spent=len(failed)
    )


def _without_attempts(job: ActiveJob, seen: LaunchSeen) -> Failure:
    """Its pods were removed before they were seen: the Job's own word is all there is."""
    found = _EXIT_CODE.search(seen.ended_by or "")
    if found and int(found[1]) == ExitCode.DEADLINE:
        return Failure(Reason.DEADLINE_EXCEEDED, "The run took longer than its deadline.")
    if found and int(found[1]) in (ExitCode.BAD_INPUT, ExitCode.ACCESS_DENIED):
        sentence = (
            f"The worker gave up for good with exit code {found[1]}; its pod was removed before its reason was read."
        )
        return Failure(Reason.PERMANENT_ERROR, sentence)
    if found and int(found[1]) == KILLED:
        if job.backoff_left > 0:
            return Failure(Reason.KILLED, "The worker was killed, and its pod removed.", again=True, spent=1)
        return Failure(
            Reason.BACKOFF_LIMIT_EXCEEDED, "The only attempt failed: the worker was killed, and its pod removed."
        )
    if _ended_by(seen, BY_BACKOFF):
        return Failure(Reason.BACKOFF_LIMIT_EXCEEDED, "All attempts failed, and their pods were removed.")
    sentence = "Its launch ended before any attempt did."
    return Failure(Reason.JOB_DELETED, sentence, again=True, infrastructure=True)


def _failed_attempts(seen: LaunchSeen) -> list[PodSeen]:
    """Those that count against `backoffLimit`."""
    return [pod for pod in seen.pods if pod.finished_at and pod.exit_code != ExitCode.OK and not pod.disrupted]


def _ended_by(seen: LaunchSeen, word: str) -> bool:
    return (seen.ended_by or "").startswith(word)
