"""The conditions of an IndexJob, from its row: in every case `Complete` or `Failed` becomes "True" in the end. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from indexjob.outcome import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from indexjob.queue.resources import ResourceRow, Waiting

TYPES = ("Queued", "Launched", "Complete", "Failed", "Suspended")

WAITING = {
    "next in turn": ("NextInTurn", "It is launched as soon as there is room."),
    "every slot of the dispatcher is taken": ("NoFreeSlot", "The operator launches no more at once."),
    "overall cap": ("OverallCap", "As many jobs run as may run at once."),
    "tenant's cap": ("TenantCap", "As many jobs of its tenant run as may run at once."),
    "paused": ("Paused", "An administrator has paused the queue."),
    "behind a job of the same repository": ("RepositoryBusy", "One job runs at a time for a repository."),
    "due time": ("NotDueYet", "Its time is still to come."),
}
"""What the view `indexjob.waiting` says, as one word and as a sentence."""


class Said(NamedTuple):
    """A word for programs and a sentence for people."""

    reason: str
    message: str


STANDS_IN_LINE = Said("Queued", "It stands in line.")


def waits(row: ResourceRow, waiting: Waiting | None, before: Mapping[str, Any]) -> Said:
    """Why a queued row isn't running. Where nobody has looked since, what was said before still holds."""
    if row.line == "coalesced":
        return Said("Coalesced", f"It takes the outcome of index job {row.gave_way_to}, which asks for the same.")
    if waiting is None:
        said = condition(before, "Queued")
        if said.get("status") == "True" and before.get("jobId") == str(row.id) and said["reason"] != "Coalesced":
            return Said(said["reason"], said["message"])
        return Said(row.reason, row.message or "") if row.reason else STANDS_IN_LINE
    if row.reason and waiting.reason in ("due time", row.reason):  # it was launched before: that is why it has to wait
        return Said(row.reason, f"{row.message or ''} It is launched again after {row.run_after:%H:%M:%S} UTC.".strip())
    reason, sentence = WAITING.get(waiting.reason, (_word(waiting.reason), f"It waits: {waiting.reason}."))
    if waiting.behind is not None:
        sentence += f" It is behind index job {waiting.behind}."
    if waiting.place is not None:
        sentence += f" Place {waiting.place} in line."
    return Said(reason, sentence)


def headline(row: ResourceRow, waiting: Waiting | None, before: Mapping[str, Any]) -> Said:
    """What is most worth saying about the state that it is in."""
    commit = (row.commit or "")[:12]
    match row.state:
        case "queued":
            return waits(row, waiting, before)
        case "launching":
            return Said(row.reason or "Launching", row.message or "Its Job is there; no pod has started yet.")
        case "running":
            return Said("Running", f"It runs as Job {row.namespace}/{row.job_name}.")
        case "suspended":
            return Said("Suspended", "It is set aside until suspend is false.")
        case "completed":
            return Said(row.reason or Reason.COMPLETED, row.message or f"Commit {commit} is indexed.")
        case "skipped" if not superseded(row):
            return Said(row.reason or Reason.UNCHANGED, row.message or f"The index of commit {commit} was there.")
        case _:
            return Said(row.reason or "Failed", row.message or "")


def superseded(row: ResourceRow) -> bool:
    """It gave way to another job, so its repository is not indexed as asked."""
    return row.reason == Reason.SUPERSEDED


def conditions(row: ResourceRow, waiting: Waiting | None, before: Mapping[str, Any], now: str) -> list[dict[str, str]]:
    """All five, always; each with the time since when its status is what it is."""
    good = row.state == "completed" or (row.state == "skipped" and not superseded(row))
    bad = row.finished_at is not None and not good
    own_launch = row.launch > 0 and row.gave_way_to is None
    launched = row.state in ("launching", "running") or (row.finished_at is not None and own_launch)
    said = headline(row, waiting, before)
    ran = Said("Launched", f"Launch {row.launch} was Job {row.namespace}/{row.job_name}.")
    otherwise = Said(_word(row.state), "")
    return _dated(
        {
            "Queued": (row.state == "queued", said if row.state == "queued" else otherwise),
            "Launched": (launched, (ran if row.finished_at else said) if launched else otherwise),
            "Complete": (good, said if good else otherwise),
            "Failed": (bad, said if bad else otherwise),
            "Suspended": (row.state == "suspended", said if row.state == "suspended" else otherwise),
        },
        before,
        now,
    )


def refused(said: Said, before: Mapping[str, Any], now: str) -> list[dict[str, str]]:
    """Of a resource that the queue didn't take."""
    otherwise = Said("Refused", "")
    return _dated({name: (name == "Failed", said if name == "Failed" else otherwise) for name in TYPES}, before, now)


def condition(status: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """One of a status's conditions; empty if it has none of that type."""
    listed: Sequence[Mapping[str, Any]] = status.get("conditions") or ()
    return next((one for one in listed if one.get("type") == name), {})


def _dated(those: Mapping[str, tuple[bool, Said]], before: Mapping[str, Any], now: str) -> list[dict[str, str]]:
    found = []
    for name, (holds, said) in those.items():
        status, was = str(holds), condition(before, name)
        since = was["lastTransitionTime"] if was.get("status") == status else now
        found.append(
            {
                "type": name,
                "status": status,
                "reason": said.reason,
                "message": said.message,
                "lastTransitionTime": since,
            }
        )
    return found


def _word(text: str) -> str:
    """`next in turn` as NextInTurn."""
    return "".join(part[:1].upper() + part[1:] for part in re.sub(r"[^A-Za-z0-9 ]", "", text).split())
