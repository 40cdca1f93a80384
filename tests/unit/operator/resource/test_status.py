"""What an IndexJob shows of its row, and what of it is written."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexjob.queue.resources import ResourceRow, Waiting
from indexjob_operator.resource.conditions import Said, condition
from indexjob_operator.resource.model import IndexJobStatus
from indexjob_operator.resource.status import HASTY, difference, duration, is_handled, refused_status, status_of
from tests.unit.operator.resource.rows import ID, NOW, row

STATES = ("queued", "launching", "running", "suspended", "completed", "failed", "cancelled", "skipped")
LATER = NOW + timedelta(minutes=3)
OTHER = UUID(int=2)


def status(
    of: ResourceRow, waiting: Waiting | None = None, before: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    return status_of(of, waiting, generation=1, before=before or {}, now=more.get("now", NOW))


def true(of: dict[str, Any]) -> set[str]:
    return {one["type"] for one in of["conditions"] if one["status"] == "True"}


@pytest.mark.parametrize(
    ("of", "holds"),
    [
        (row("queued"), {"Queued"}),
        (row("launching"), {"Launched"}),
        (row("running"), {"Launched"}),
        (row("suspended"), {"Suspended"}),
        (row("completed"), {"Complete", "Launched"}),
        (row("skipped"), {"Complete", "Launched"}),
        (row("skipped", reason="Superseded"), {"Failed", "Launched"}),
        (row("failed"), {"Failed", "Launched"}),
        (row("cancelled"), {"Failed"}),
        (row("completed", gave_way_to=OTHER, launch=0), {"Complete"}),
        (row("failed", gave_way_to=OTHER, launch=0), {"Failed"}),
        (row("queued", launch=1, reason="NodeLost"), {"Queued"}),
    ],
)
def test_which_conditions_hold(of: ResourceRow, holds: set[str]) -> None:
    found = status(of)
    assert true(found) == holds
    assert [one["type"] for one in found["conditions"]] == ["Queued", "Launched", "Complete", "Failed", "Suspended"]


@pytest.mark.parametrize("state", STATES)
def test_the_wait_for_complete_or_failed_ends_in_every_finished_state_and_in_no_other(state: str) -> None:
    finished = row(state).finished_at is not None
    assert bool(true(status(row(state))) & {"Complete", "Failed"}) == finished


@pytest.mark.parametrize("state", STATES)
def test_every_status_is_one_that_the_definition_knows(state: str) -> None:
    found = status(row(state, log_tail="x", stats={"files": 3, "seconds": 1.5, "whole": True}))
    IndexJobStatus.model_validate(found)
    assert set(found) <= {field.alias for field in IndexJobStatus.model_fields.values()}
    for one in found["conditions"]:
        assert one["reason"].isalnum()
    assert found.get("stats") == {"files": 3}


def test_a_condition_keeps_its_time_while_its_status_stays() -> None:
    before = status(row("queued"))
    after = status(row("launching"), before=before, now=LATER)
    times = {one["type"]: one["lastTransitionTime"] for one in after["conditions"]}
    assert times == {
        "Queued": "2026-01-01T12:03:00Z", "Launched": "2026-01-01T12:03:00Z", "Complete": "2026-01-01T12:00:00Z",
        "Failed": "2026-01-01T12:00:00Z", "Suspended": "2026-01-01T12:00:00Z",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("waiting", "reason", "message"),
    [
        (
            Waiting("u", "next in turn", 3, None),
            "NextInTurn",
            "It is launched as soon as there is room. Place 3 in line.",
        ),
        (
            Waiting("u", "tenant's cap", 1, None),
            "TenantCap",
            "As many jobs of its tenant run as may run at once. Place 1 in line.",
        ),
        (
            Waiting("u", "behind a job of the same repository", 7, OTHER),
            "RepositoryBusy",
            f"One job runs at a time for a repository. It is behind index job {OTHER}. Place 7 in line.",
        ),
        (Waiting("u", "some new reason", None, None), "SomeNewReason", "It waits: some new reason."),
    ],
)
def test_it_says_why_it_waits_and_its_place(waiting: Waiting, reason: str, message: str) -> None:
    found = status(row("queued"), waiting)
    queued = condition(found, "Queued")
    assert (queued["reason"], queued["message"]) == (reason, message)
    assert (found["reason"], found["message"]) == (reason, message)
    again = status(row("queued"), before=found, now=LATER)
    assert difference(found, again) == {}, "what was said holds until somebody looks again"


@pytest.mark.parametrize("said", ["due time", "QuotaExceeded"])
def test_what_was_put_back_in_line_says_why_and_until_when(said: str) -> None:
    back = row(
        "queued", reason="QuotaExceeded", message="The quota is used up.", launch=1, line="scheduled", run_after=LATER
    )
    found = status(back, Waiting("u", said, None, None))
    assert found["reason"] == "QuotaExceeded"
    assert found["message"] == "The quota is used up. It is launched again after 12:03:00 UTC."
    assert status(back)["reason"] == "QuotaExceeded"


def test_a_coalesced_job_says_whose_outcome_it_takes() -> None:
    found = status(row("queued", line="coalesced", gave_way_to=OTHER))
    assert found["reason"] == "Coalesced"
    assert str(OTHER) in found["message"]
    freed = status(row("queued"), before=found)
    assert freed["reason"] == "Queued"


def test_what_keeps_a_launch_from_starting_is_said() -> None:
    found = status(row("launching", reason="Unschedulable", message="No node has 64 GiB."))
    assert condition(found, "Launched")["reason"] == found["reason"] == "Unschedulable"
    assert condition(found, "Launched")["message"] == "No node has 64 GiB."


def test_an_end_says_what_became_of_it() -> None:
    found = status(row("completed", finished_at=LATER, stats={"files": 7}))
    assert found["message"] == "Commit 0123456789ab is indexed."
    assert (found["startTime"], found["completionTime"], found["duration"]) == (
        "2026-01-01T12:00:00Z",
        "2026-01-01T12:03:00Z",
        "3m0s",
    )
    assert found["stats"] == {"files": 7}
    failed = status(row("failed", log_tail="fatal: no such ref"))
    assert (failed["reason"], failed["message"], failed["logTail"]) == (
        "PermanentError",
        "Because.",
        "fatal: no such ref",
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59, "59s"), (60, "1m0s"), (3599, "59m59s"), (3600, "1h0m"), (100_000, "27h46m"), (-5, "0s")],
)
def test_durations_are_for_people(seconds: int, text: str) -> None:
    assert duration(NOW, NOW + timedelta(seconds=seconds)) == text


def test_without_a_start_there_is_no_duration() -> None:
    assert "duration" not in status(row("cancelled"))


def test_a_refusal_is_a_failure_with_its_reason() -> None:
    found = refused_status(
        Said("InvalidRequest", "This is no URL."), token="again", generation=3, before=status(row("queued")), now=LATER
    )
    assert true(found) == {"Failed"}
    assert (found["state"], found["reason"], found["observedGeneration"], found["lastHandledRerun"]) == (
        "failed",
        "InvalidRequest",
        3,
        "again",
    )
    assert "jobId" not in found
    IndexJobStatus.model_validate(found)


def test_a_run_that_was_asked_for_is_not_asked_for_again() -> None:
    assert not is_handled({}, "")
    assert is_handled(status(row("queued")), "")
    assert not is_handled(status(row("queued")), "again")
    assert is_handled(status(row("queued", token="again")), "again")


def test_progress_alone_is_hasty() -> None:
    before = status(row("running", progress=10))
    after = status(row("running", progress=11, step="store", attempts=2), before=before)
    assert difference(before, after) == {"progress": 11, "step": "store", "attempts": 2}
    assert difference(before, after).keys() <= HASTY


def test_what_is_gone_is_taken_away() -> None:
    before = status(row("failed", log_tail="x", stats={"files": 1, "symbols": 2}))
    after = status(row("queued", stats={"files": 1}), before=before)
    changes = difference(before, after)
    assert changes["logTail"] is None
    assert changes["completionTime"] is None
    assert changes["stats"] == {"symbols": None}


values = st.recursive(
    st.none() | st.integers() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=2), max_leaves=3
)
statuses = st.dictionaries(
    st.sampled_from("abcd"),
    values.filter(lambda v: v is not None) | st.dictionaries(st.sampled_from("xyz"), st.integers()),
)


@given(before=statuses, after=statuses)
def test_the_patch_makes_the_one_status_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    """As RFC 7386 says that a server applies it."""
    assert merged(before, difference(before, after)) == after
    assert difference(after, after) == {}


def merged(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    found = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = merged(found.get(key), value)
    return found


def test_the_stamp_is_of_what_changed_last() -> None:
    assert row().stamp == NOW
    assert replace(row(), heartbeat_at=LATER).stamp == LATER
    assert row().id == ID
