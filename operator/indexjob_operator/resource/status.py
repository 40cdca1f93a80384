"""The status of an IndexJob, from its row and what it was before; and what of it has to be written. Pure.

A status is the JSON that the API server keeps: a field that has nothing to say is not in it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from indexjob_operator.resource.conditions import Said, conditions, headline, refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from indexjob.queue.resources import ResourceRow, Waiting

HASTY = frozenset({"progress", "step", "attempts"})
"""What may change many times a second, and needs to be shown only now and then."""
LONGEST_MESSAGE = 4000
MINUTE, HOUR = 60, 3600


def status_of(
    row: ResourceRow, waiting: Waiting | None, *, generation: int, before: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """What the resource shows of its row, as of this generation of its spec."""
    reason, message = headline(row, waiting, before)
    return _present(
        {
            "state": row.state,
            "conditions": conditions(row, waiting, before, moment(now)),
            "observedGeneration": generation,
            "jobId": str(row.id),
            "jobName": row.job_name,
            "jobNamespace": row.namespace,
            "commit": row.commit,
            "attempts": row.attempts,
            "step": row.step,
            "progress": row.progress,
            "reason": reason,
            "message": message[:LONGEST_MESSAGE],
            "startTime": moment(row.started_at),
            "completionTime": moment(row.finished_at),
            "duration": duration(row.started_at, row.finished_at),
            "stats": {k: v for k, v in (row.stats or {}).items() if isinstance(v, int) and not isinstance(v, bool)},
            "logTail": row.log_tail,
            "lastHandledRerun": row.token,
        }
    )


def refused_status(
    said: Said, *, token: str, generation: int, before: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """What a resource shows that the queue didn't take: it has failed, without a row."""
    return _present(
        {
            "state": "failed",
            "conditions": refused(said, before, moment(now)),
            "observedGeneration": generation,
            "reason": said.reason,
            "message": said.message[:LONGEST_MESSAGE],
            "completionTime": moment(now),
            "lastHandledRerun": token,
        }
    )


def is_handled(status: Mapping[str, Any], token: str) -> bool:
    """Whether the run that this token asks for was asked for already, or refused."""
    return bool(status.get("state")) and status.get("lastHandledRerun", "") == token


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch that makes the one the other: empty if they are the same. `stats` is taken apart, as a merge patch does."""
    changes: dict[str, Any] = {key: None for key in before if key not in after}
    for key, value in after.items():
        was = before.get(key)
        if isinstance(value, dict) and isinstance(was, dict):
            if inner := difference(was, value):
                changes[key] = inner
        elif was != value:
            changes[key] = value
    return changes


def moment(when: datetime | None) -> Any:
    """As Kubernetes writes times; None stays None."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if when else None


def duration(began: datetime | None, ended: datetime | None) -> str | None:
    """For people: 45s, 3m5s, 2h3m."""
    if began is None or ended is None:
        return None
    seconds = max(0, round((ended - began).total_seconds()))
    if seconds < MINUTE:
        return f"{seconds}s"
    if seconds < HOUR:
        return f"{seconds // MINUTE}m{seconds % MINUTE}s"
    return f"{seconds // HOUR}h{seconds % HOUR // MINUTE}m"


def _present(those: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in those.items() if value is not None and value not in ("", {})}
