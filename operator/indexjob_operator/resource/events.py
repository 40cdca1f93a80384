"""The Events that tell what happened to an IndexJob: `kubectl describe`, `kubectl events`. Pure.

Told from one status to the next, so that what went too fast to be seen is still told where it left a trace. An Event's name comes from what it tells:
told again after a crash, it is the same one.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

from indexjob_operator.resource.conditions import condition
from indexjob_operator.resource.model import API_VERSION, KIND
from indexjob_operator.resource.status import moment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

COMPONENT = "indexjob-operator"
LONGEST_NAME = 200
LONGEST_MESSAGE = 1000


class Notice(NamedTuple):
    """One Event: `kind` is Normal or Warning."""

    kind: str
    reason: str
    message: str


def notices(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Notice]:
    """What happened between these two statuses, oldest first."""
    another_run = before.get("jobId") != after.get("jobId")
    told = [_in_line(before, after, another_run=another_run)]
    if "jobName" in after and (another_run or before.get("jobName") != after["jobName"]):
        told.append(Notice("Normal", "Launched", f"It is Job {after.get('jobNamespace')}/{after['jobName']}."))
    if another_run or before.get("state") != after.get("state"):
        told.append(_now_in(after))
    elif after["state"] == "launching" and before.get("reason") != after.get("reason"):
        told.append(_kept_waiting(after))
    return [notice for notice in told if notice is not None]


def _in_line(before: Mapping[str, Any], after: Mapping[str, Any], *, another_run: bool) -> Notice | None:
    """That it stands in line, and where it came from."""
    was = before.get("state")
    if another_run and "jobId" in after:
        return Notice("Normal", "Queued", f"It stands in line as index job {after['jobId']}.")
    if after["state"] != "queued" or was == "queued":
        return None
    if was == "suspended":
        return Notice("Normal", "Resumed", "It stands in line again, for a new launch.")
    if was in ("launching", "running"):
        return Notice("Warning", "Requeued", f"{after.get('reason', '')}: {after.get('message', '')}")
    return Notice("Normal", "Retried", "It stands in line again, with its full backoffLimit.")


def _now_in(after: Mapping[str, Any]) -> Notice | None:
    """The state that it has come to, but for the line."""
    reason, message = after.get("reason", ""), after.get("message", "")
    if condition(after, "Complete").get("status") == "True":
        return Notice("Normal", reason, f"{message} It took {after['duration']}." if "duration" in after else message)
    if condition(after, "Failed").get("status") == "True":
        return Notice("Warning", reason, message)
    match after["state"]:
        case "launching":
            return _kept_waiting(after)
        case "running":
            return Notice("Normal", "Running", "Its pod has started.")
        case "suspended":
            return Notice("Normal", "Suspended", message)
    return None


def _kept_waiting(after: Mapping[str, Any]) -> Notice | None:
    """What is in its launch's way."""
    reason = after.get("reason", "")
    return Notice("Warning", reason, after.get("message", "")) if reason != "Launching" else None


def event(
    notice: Notice, *, namespace: str, name: str, uid: str, status: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """The Event, as the API takes it."""
    about = (uid, status.get("jobId"), status.get("jobName"), status.get("observedGeneration"), *notice)
    digest = hashlib.sha256(repr(about).encode()).hexdigest()[:16]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"namespace": namespace, "name": f"{name[:LONGEST_NAME]}.{digest}"},
        "involvedObject": {
            "apiVersion": API_VERSION, "kind": KIND, "namespace": namespace, "name": name, "uid": uid,
        },
        "type": notice.kind,
        "reason": notice.reason,
        "message": notice.message[:LONGEST_MESSAGE],
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
        "reportingInstance": COMPONENT,
        "firstTimestamp": moment(now),
        "lastTimestamp": moment(now),
        "count": 1,
    }  # fmt: skip
