"""Reads what Kubernetes shows of a launch (its Job, Pods and Events, as raw JSON) and says it in the runtime's words. Pure.

The verdict is the Job's condition Complete or Failed, never a count of pods. Why no pod runs is told in a sentence for people, with what to do.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from indexjob.outcome import Reason
from indexjob_operator.manifests import GRACE_SECONDS
from indexjob_operator.pods import condition, is_terminal, read_pod, when
from indexjob_operator.runtime.protocol import Condition, LaunchSeen, Lost, Waiting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from indexjob_operator.runtime.protocol import LaunchKey
    from indexjob_operator.settings import Patience

QUIET_SECONDS = 20.0
"""A pod that takes longer to start, and doesn't say why, has its events read."""
MOST_OF_A_SENTENCE = 500
IMAGE_TROUBLE = (
    "ErrImagePull",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
    "ImageInspectError",
    "RegistryUnavailable",
)
CONTAINERS = ("initContainers", "containers")
READ_OF_A_SPEC = ("ttlSecondsAfterFinished", "nodeName", *CONTAINERS)
ON_THEIR_WAY = ("ContainerCreating", "PodInitializing", "")
_FORBIDDEN = re.compile(r"^Error creating: pods \"[^\"]*\" is forbidden: ")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_launch(
    key: LaunchKey,
    job: Mapping[str, Any] | None,
    pods: Sequence[Mapping[str, Any]],
    events: Sequence[Mapping[str, Any]],
    now: datetime,
    patience: Patience,
) -> LaunchSeen | None:
    """How the launch is; None if there is nothing of it. `events` are those of the object that `wants_events` names."""
    if job is None and not pods:
        return None
    pods = sorted(pods, key=_created)
    attempts = tuple(read_pod(pod) for pod in pods)
    if job is None:
        created_at = _created(pods[0])
        return LaunchSeen(key, pods=attempts, lost=JOB_DELETED, created_at=created_at)
    status = job.get("status") or {}
    created_at, released = _created(job), (job.get("spec") or {}).get("ttlSecondsAfterFinished") is not None
    failed = condition(status, "Failed")
    if failed is not None or condition(status, "Complete") is not None:
        ended_by = _ended_by(failed) if failed is not None else None
        verdict = Condition.FAILED if failed is not None else Condition.COMPLETE
        return LaunchSeen(key, verdict, attempts, ended_by=ended_by, created_at=created_at, released=released)
    if job["metadata"].get("deletionTimestamp"):
        return LaunchSeen(key, pods=attempts, lost=JOB_DELETED, created_at=created_at)
    waiting = _waiting(job, pods, events, now, patience)
    return LaunchSeen(
        key,
        pods=attempts,
        waiting=waiting,
        lost=_dead_node(status, pods, now, patience),
        created_at=created_at,
        released=released,
        retried=bool(status.get("failed")),
        unexplained=not events and wants_events(job, pods, now, patience) is not None,
        look_again_seconds=_look_again(job, pods, now, patience),
    )


def pared(thing: Mapping[str, Any]) -> dict[str, Any]:
    """A Job or Pod with all that is read of it here, and little else."""
    spec = {name: value for name, value in (thing.get("spec") or {}).items() if name in READ_OF_A_SPEC}
    for name in CONTAINERS:
        if name in spec:
            spec[name] = [{"name": one.get("name"), "resources": one.get("resources")} for one in spec[name]]
    metadata = {name: value for name, value in thing["metadata"].items() if name != "managedFields"}
    return {**thing, "metadata": metadata, "spec": spec}


def wants_events(
    job: Mapping[str, Any] | None, pods: Sequence[Mapping[str, Any]], now: datetime, patience: Patience
) -> str | None:
    """The name of the object whose events would say why nothing runs; None while nothing is unusual."""
    if job is None or is_over(job):
        return None
    if not any(not is_terminal(pod) for pod in pods):
        return job["metadata"]["name"] if age_seconds(job, now) >= patience.no_pod_seconds else None
    for pod in pods:
        if not is_terminal(pod) and _unexplained(pod) and age_seconds(pod, now) >= QUIET_SECONDS:
            name: str = pod["metadata"]["name"]
            return name
    return None


JOB_DELETED = Lost(
    Reason.JOB_DELETED, "Its Job was deleted by somebody else than the operator; cancel the index job instead."
)


def is_ending(thing: Mapping[str, Any]) -> bool:
    """A Job or Pod whose Job is about to say how it ended: what can be seen now is not worth a look of its own.

    Between a pod's end and its Job's there are some four events, within a tenth of a second; a look at one of them would hold up the one at the last.
    """
    status = thing.get("status") or {}
    if thing["metadata"].get("deletionTimestamp"):
        return False
    if "phase" in status:
        return is_terminal(thing)
    counting = any((status.get("uncountedTerminatedPods") or {}).values())
    decided = condition(status, "SuccessCriteriaMet") or condition(status, "FailureTarget")
    return not is_over(thing) and (counting or decided is not None)


def is_over(job: Mapping[str, Any]) -> bool:
    """The Job has its verdict."""
    status = job.get("status") or {}
    return condition(status, "Failed") is not None or condition(status, "Complete") is not None


def accounts_for(job: Mapping[str, Any], pods: Sequence[Mapping[str, Any]]) -> bool:
    """Whether these pods, which may have been read before the Job was, are all that its state speaks of."""
    if job["metadata"].get("deletionTimestamp"):
        return False
    if not is_over(job):
        return True
    status = job.get("status") or {}
    ended = int(status.get("succeeded") or 0) + int(status.get("failed") or 0)
    return len(pods) >= ended and all(is_terminal(pod) for pod in pods)


def _ended_by(failed: Mapping[str, Any]) -> str:
    return f"{failed.get('reason') or ''}: {failed.get('message') or ''}"


def is_stuck(
    pod: Mapping[str, Any], now: datetime, patience: Patience, *, to_end_since: datetime | None = None
) -> bool:
    """A pod that was to end and hasn't: its node is gone. `to_end_since` is for one that nothing but its Job says this of."""
    if is_terminal(pod):
        return False
    to_be_gone = when(pod["metadata"].get("deletionTimestamp"))  # the end of its grace period
    if to_be_gone is None and to_end_since is not None:
        to_be_gone = to_end_since + timedelta(seconds=GRACE_SECONDS)
    return to_be_gone is not None and now > to_be_gone + timedelta(seconds=patience.dead_node_seconds)


def _dead_node(
    status: Mapping[str, Any], pods: Sequence[Mapping[str, Any]], now: datetime, patience: Patience
) -> Lost | None:
    """The Job would wait for such a pod for ever."""
    target = condition(status, "FailureTarget")
    failing_since = when(target.get("lastTransitionTime")) if target else None
    for pod in pods:
        if is_stuck(pod, now, patience, to_end_since=failing_since):
            node = (pod.get("spec") or {}).get("nodeName") or "unknown"
            return Lost(Reason.NODE_LOST, f"The node {node} that it ran on is gone, or doesn't answer.")
    return None


def _waiting(
    job: Mapping[str, Any],
    pods: Sequence[Mapping[str, Any]],
    events: Sequence[Mapping[str, Any]],
    now: datetime,
    patience: Patience,
) -> Waiting | None:
    active = [pod for pod in pods if not is_terminal(pod)]
    if active:
        return _pod_waits(active[-1], events, now)
    since = max((_created(one) for one in (job, *pods)), default=_EPOCH)
    refused = [one for one in events if one.get("reason") == "FailedCreate" and _told(one) >= since]
    if not refused or age_seconds(job, now) < patience.no_pod_seconds:
        return None
    message = _FORBIDDEN.sub("", str(max(refused, key=_told).get("message") or ""))
    if "exceeded quota" in message:
        sentence = f"The namespace has no room for its pod ({_short(message)}). It is tried again later; the administrator can raise the quota."
        return Waiting(Reason.QUOTA_EXCEEDED, sentence, since, refused=True)
    sentence = (
        f"Kubernetes refused its pod ({_short(message)}). It is tried again later; the administrator has to allow it."
    )
    return Waiting(Reason.NOT_STARTED, sentence, since, refused=True)


def _pod_waits(pod: Mapping[str, Any], events: Sequence[Mapping[str, Any]], now: datetime) -> Waiting | None:
    status, since = pod.get("status") or {}, _created(pod)
    for one in status.get("conditions") or ():
        if one.get("type") == "PodScheduled" and one.get("status") == "False" and one.get("reason") == "Unschedulable":
            sentence = f"No node takes its pod ({_short(one.get('message'))}). Ask for a smaller profile, or the administrator for more nodes."
            return Waiting(Reason.UNSCHEDULABLE, sentence, since)
    for waiting in _containers_waiting(status):
        reason, message = str(waiting.get("reason") or ""), _short(waiting.get("message") or waiting.get("reason"))
        if reason in IMAGE_TROUBLE:
            sentence = f"The worker's image can't be pulled ({message}). The administrator has to correct worker.image or the image pull secrets."
            return Waiting(Reason.IMAGE_PULL_FAILED, sentence, since)
        if reason not in ON_THEIR_WAY:
            sentence = f"Its container can't be started ({message}). The administrator has to look at the profile."
            return Waiting(Reason.NOT_STARTED, sentence, since)
    if _unexplained(pod) and age_seconds(pod, now) >= QUIET_SECONDS:
        warnings = [one for one in events if one.get("type") == "Warning"]
        why = _short(max(warnings, key=_told).get("message")) if warnings else "the node has not said why"
        return Waiting(Reason.NOT_STARTED, f"Its pod has a node and doesn't start ({why}).", since)
    return None


def _look_again(
    job: Mapping[str, Any], pods: Sequence[Mapping[str, Any]], now: datetime, patience: Patience
) -> float | None:
    """When silence would mean something."""
    active = [pod for pod in pods if not is_terminal(pod)]
    if not pods:
        return (
            max(0.2, patience.no_pod_seconds - age_seconds(job, now))
            if age_seconds(job, now) < patience.no_pod_seconds
            else None
        )
    for pod in active:
        if gone := when(pod["metadata"].get("deletionTimestamp")):
            return max(1.0, (gone - now).total_seconds() + patience.dead_node_seconds + 0.1)
        if _unexplained(pod) and age_seconds(pod, now) < QUIET_SECONDS:
            return QUIET_SECONDS - age_seconds(pod, now) + 0.1
    return None


def _unexplained(pod: Mapping[str, Any]) -> bool:
    """It has a node, nothing of it has started, and no container says what it waits for."""
    status = pod.get("status") or {}
    return (
        bool((pod.get("spec") or {}).get("nodeName"))
        and status.get("phase", "Pending") == "Pending"
        and read_pod(pod).started_at is None
        and all(str(one.get("reason") or "") in ON_THEIR_WAY for one in _containers_waiting(status))
    )


def _containers_waiting(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    statuses = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    return [waiting for one in statuses if (waiting := (one.get("state") or {}).get("waiting"))]


def _created(thing: Mapping[str, Any]) -> datetime:
    return when(thing["metadata"].get("creationTimestamp")) or _EPOCH


def age_seconds(thing: Mapping[str, Any], now: datetime) -> float:
    """How long an object has been there."""
    return (now - _created(thing)).total_seconds()


def _told(event: Mapping[str, Any]) -> datetime:
    series = event.get("series") or {}
    last = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return when(last or event["metadata"].get("creationTimestamp")) or _EPOCH


def _short(text: object) -> str:
    words = " ".join(str(text or "").split()).rstrip(".")
    return words if len(words) <= MOST_OF_A_SENTENCE else words[:MOST_OF_A_SENTENCE] + "…"
