"""What is told of an IndexJob, from one status to the next."""

from __future__ import annotations

from typing import Any

import pytest

from indexjob.queue.resources import ResourceRow
from indexjob_operator.resource.conditions import Said
from indexjob_operator.resource.events import event, notices
from indexjob_operator.resource.status import refused_status, status_of
from tests.unit.operator.resource.rows import NOW, row


def shown(of: ResourceRow | None, before: dict[str, Any] | None = None) -> dict[str, Any]:
    return status_of(of, None, generation=1, before=before or {}, now=NOW) if of else {}


def told(before: ResourceRow | None, after: ResourceRow) -> list[tuple[str, str]]:
    was = shown(before)
    return [(notice.kind, notice.reason) for notice in notices(was, shown(after, was))]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, row("queued"), [("Normal", "Queued")]),
        (None, row("suspended"), [("Normal", "Queued"), ("Normal", "Suspended")]),
        (row("queued"), row("launching"), [("Normal", "Launched")]),
        (row("launching"), row("running"), [("Normal", "Running")]),
        (row("queued"), row("running"), [("Normal", "Launched"), ("Normal", "Running")]),
        (row("running"), row("completed"), [("Normal", "Completed")]),
        (None, row("completed"), [("Normal", "Queued"), ("Normal", "Launched"), ("Normal", "Completed")]),
        (row("running"), row("skipped"), [("Normal", "Unchanged")]),
        (row("running"), row("failed"), [("Warning", "PermanentError")]),
        (row("queued"), row("cancelled"), [("Warning", "Cancelled")]),
        (row("running"), row("queued", launch=1, job_name=f"{row().id}-1", reason="NodeLost", message="m"), [("Warning", "Requeued")]),
        (row("running"), row("suspended", job_name=f"{row().id}-1"), [("Normal", "Suspended")]),
        (row("suspended"), row("queued"), [("Normal", "Resumed")]),
        (row("failed"), row("queued", job_name=f"{row().id}-1"), [("Normal", "Retried")]),
        (row("launching"), row("launching", reason="Unschedulable", message="m"), [("Warning", "Unschedulable")]),
        (row("launching", reason="Unschedulable", message="m"), row("launching", reason="Unschedulable", message="n"), []),
        (row("queued"), row("launching", reason="QuotaExceeded", message="m"), [("Normal", "Launched"), ("Warning", "QuotaExceeded")]),
        (row("running"), row("running", progress=50), []),
        (row("queued"), row("queued", reason="x"), []),
    ],
)  # fmt: skip
def test_each_transition_is_told_once(
    before: ResourceRow | None, after: ResourceRow, expected: list[tuple[str, str]]
) -> None:
    assert told(before, after) == expected


def test_a_refusal_is_told() -> None:
    refused = refused_status(Said("InvalidRequest", "No URL."), token="", generation=1, before={}, now=NOW)
    assert [tuple(notice) for notice in notices({}, refused)] == [("Warning", "InvalidRequest", "No URL.")]


def test_the_same_told_twice_is_the_same_event_and_another_run_is_another() -> None:
    def name(status: dict[str, Any], uid: str = "u") -> str:
        notice = notices({}, status)[0]
        made = event(notice, namespace="n", name="j" * 253, uid=uid, status=status, now=NOW)
        assert len(made["metadata"]["name"]) <= 253
        assert made["involvedObject"]["uid"] == uid
        return str(made["metadata"]["name"])

    first = shown(row("queued"))
    assert name(first) == name(first)
    assert name(first) != name(first | {"jobId": "another"}) != name(first, "v")
