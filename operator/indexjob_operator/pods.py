"""Reads one pod, as raw JSON, as an attempt. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from indexjob.outcome import ExitCode, Outcome, Reason
from indexjob.strict_json import MalformedError
from indexjob_operator.quantities import in_bytes
from indexjob_operator.runtime.protocol import PodSeen

if TYPE_CHECKING:
    from collections.abc import Mapping

CLONE, INDEX = "clone", "index"
NODE_IS_GONE = ("DeletionByTaintManager", "DeletionByPodGC", "NodeLost")
REFUSED_BY_KUBELET = ("UnexpectedAdmissionError", "NodeAffinity", "TopologyAffinityError", "AppArmor")
TERMINAL = ("Succeeded", "Failed")


def read_pod(pod: Mapping[str, Any]) -> PodSeen:
    """The attempt that a pod is."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    containers = {one.get("name"): one.get("state") or {} for one in _statuses(status)}
    ended = {name: state["terminated"] for name, state in containers.items() if state.get("terminated")}
    container = INDEX if INDEX in ended and not _failed(ended.get(CLONE)) else CLONE if CLONE in ended else INDEX
    seen = PodSeen(
        uid=metadata["uid"],
        name=metadata["name"],
        node=(pod.get("spec") or {}).get("nodeName"),
        started_at=_first_start(containers),
        indexing_since=_indexing_since(containers),
    )
    if not is_terminal(pod):
        return seen
    last = ended.get(container) or {}
    exit_code = last.get("exitCode")
    disruption = condition(status, "DisruptionTarget")
    finished_at = max(filter(None, (when(state.get("finishedAt")) for state in ended.values())), default=None)
    outcome = _outcome(last.get("message")) if exit_code is not None else None
    reason = _reason(status, disruption, last, outcome)
    return PodSeen(
        uid=seen.uid,
        name=seen.name,
        node=seen.node,
        started_at=seen.started_at or when(status.get("startTime")) or when(metadata.get("creationTimestamp")),
        finished_at=finished_at or _last_change(status) or when(metadata.get("creationTimestamp")),
        exit_code=exit_code,
        reason=reason,
        outcome=outcome,
        message=_message(status, disruption, reason),
        peak_memory_bytes=_memory_limit(pod, container) if reason is Reason.OOM_KILLED else None,
        disrupted=disruption is not None,
        container=container,
    )


def is_terminal(pod: Mapping[str, Any]) -> bool:
    """It has ended, and runs nothing any more."""
    return (pod.get("status") or {}).get("phase") in TERMINAL


def condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any] | None:
    """The condition of that type, if it is true."""
    for one in status.get("conditions") or ():
        if one.get("type") == kind and one.get("status") == "True":
            found: Mapping[str, Any] = one
            return found
    return None


def when(text: str | None) -> datetime | None:
    """A time as the API writes it."""
    return datetime.fromisoformat(text) if text else None


def _statuses(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def _failed(terminated: Mapping[str, Any] | None) -> bool:
    return terminated is not None and terminated.get("exitCode") != ExitCode.OK


def _first_start(containers: Mapping[str | None, Mapping[str, Any]]) -> datetime | None:
    starts = [
        when((state.get("running") or state.get("terminated") or {}).get("startedAt")) for state in containers.values()
    ]
    return min(filter(None, starts), default=None)


def _indexing_since(containers: Mapping[str | None, Mapping[str, Any]]) -> datetime | None:
    """A node that dies over the start of `index` leaves only the end of `clone` to count from."""
    clone, index = containers.get(CLONE) or {}, containers.get(INDEX) or {}
    if began := (index.get("running") or index.get("terminated") or {}).get("startedAt"):
        return when(began)
    cloned = clone.get("terminated") or {}
    return when(cloned.get("finishedAt")) if cloned.get("exitCode") == ExitCode.OK else None


def _reason(
    status: Mapping[str, Any], disruption: Mapping[str, Any] | None, last: Mapping[str, Any], outcome: Outcome | None
) -> Reason | None:
    """What the cluster knows of its end; None if the worker's own word is all there is to say."""
    said, exit_code = str(status.get("reason") or ""), last.get("exitCode")
    if status.get("phase") == "Succeeded":
        return None
    if disruption is not None:
        return Reason.NODE_LOST if disruption.get("reason") in NODE_IS_GONE else Reason.EVICTED
    if said in NODE_IS_GONE:
        return Reason.NODE_LOST
    if said == "Evicted":
        return Reason.EVICTED
    if said == "DeadlineExceeded":
        return Reason.DEADLINE_EXCEEDED
    if said in REFUSED_BY_KUBELET or said.startswith("OutOf"):
        return Reason.NOT_STARTED
    # A container that ends well may still say OOMKilled, of a child: the exit code counts too.
    if last.get("reason") == "OOMKilled" and exit_code and not _permanent(exit_code):
        return Reason.OOM_KILLED
    return Reason.KILLED if outcome is None else None


def _permanent(exit_code: int) -> bool:
    return exit_code in {code.value for code in ExitCode if code.permanent}


def _message(status: Mapping[str, Any], disruption: Mapping[str, Any] | None, reason: Reason | None) -> str | None:
    if reason is None:
        return None
    if reason is Reason.OOM_KILLED:
        return "It needed more memory than its container may use, and was killed."
    text = (disruption or {}).get("message") or status.get("message")
    return str(text).strip() or None if text else None


def _outcome(message: str | None) -> Outcome | None:
    try:
        return Outcome.from_json(message or "")
    except MalformedError:
        return None


def _last_change(status: Mapping[str, Any]) -> datetime | None:
    changes = (when(one.get("lastTransitionTime")) for one in status.get("conditions") or ())
    return max(filter(None, changes), default=None)


def _memory_limit(pod: Mapping[str, Any], container: str) -> int | None:
    spec = pod.get("spec") or {}
    for one in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]:
        if one.get("name") == container:
            limit = ((one.get("resources") or {}).get("limits") or {}).get("memory")
            return in_bytes(limit) if limit else None
    return None
