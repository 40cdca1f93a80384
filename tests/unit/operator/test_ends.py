"""What is told of an index job's end, and when; and what goes before it. Queue and runtime are stand-ins that note what is asked of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import REGISTRY

from indexjob.outcome import Outcome, Reason
from indexjob.queue.leader import ActiveJob, FinishedLaunch
from indexjob_operator.measures import ended_as
from indexjob_operator.profiles import Profiles
from indexjob_operator.reconciler import STILL_GOING_SECONDS, Reconciler
from indexjob_operator.runtime.protocol import Condition, LaunchKey, LaunchSeen, Lost
from tests.unit.operator.test_decision import ID, JOB, KEY, NOW, POD, RUNNING

GIVEN = FinishedLaunch(ID, 2, Reason.INTERNAL_ERROR, "m")
LOST = Lost(Reason.JOB_DELETED, "gone")


def said(reason: Reason, code: int) -> LaunchSeen:
    pod = replace(POD, finished_at=NOW, exit_code=code, outcome=Outcome(reason=reason, exit_code=code))
    return LaunchSeen(KEY, Condition.COMPLETE, (pod,))


@pytest.mark.parametrize(
    ("verdict", "seen", "end"),
    [
        ("completed", None, ("completed", "Completed")),
        ("skipped", None, ("skipped", "Unchanged")),
        (None, None, ("failed", "InternalError")),
        (None, said(Reason.COMPLETED, 0), ("completed", "Completed")),
        (None, said(Reason.UNCHANGED, 0), ("skipped", "Unchanged")),
        (None, said(Reason.FENCED, 0), ("failed", "InternalError")),
        (None, said(Reason.COMPLETED, 70), ("failed", "InternalError")),
        ("skipped", said(Reason.COMPLETED, 0), ("skipped", "Unchanged")),
    ],
)
def test_an_end_is_counted_as_it_is_recorded(
    verdict: str | None, seen: LaunchSeen | None, end: tuple[str, str]
) -> None:
    assert ended_as(replace(RUNNING, verdict=verdict), GIVEN, seen) == end


class World:
    """Queue and runtime in one."""

    missing = LOST

    def __init__(self, job: ActiveJob, seen: LaunchSeen | None, *, requeued: str = "queued", gone: bool = True) -> None:
        self.job = job
        self.seen = seen
        self.requeued = requeued
        self.gone = gone
        self.asked: list[str] = []
        self.finished: list[str] = []

    async def find(self, job: object) -> ActiveJob:
        return self.job

    async def observe(self, key: LaunchKey) -> LaunchSeen | None:
        return self.seen

    async def record_ending(self, *_: object) -> bool:
        self.asked.append("record_ending")
        return True

    async def cancel(self, key: LaunchKey) -> bool:
        self.asked.append("cancel")
        return self.gone

    async def record_attempt(self, *_: object) -> None:
        pass

    async def record_requeued(self, *_: object, **__: object) -> str:
        return self.requeued

    async def record_finished(self, ended: list[FinishedLaunch]) -> set[Any]:
        self.asked.append("record_finished")
        self.finished += [one.reason for one in ended]
        return {one.id for one in ended}

    async def release(self, key: LaunchKey, **_: object) -> None:
        raise ConnectionError

    async def look(self) -> float | None:
        world: Any = self
        reconciler = Reconciler(world, world, Profiles(), worker_database_url=str, local_repositories=False)
        return await reconciler.reconcile(self.job.id)


def outcomes(state: str, reason: str) -> float:
    return REGISTRY.get_sample_value("indexjob_outcomes_total", {"state": state, "reason": reason}) or 0.0


@pytest.mark.parametrize(
    ("state", "reason", "action"),
    [("queued", "JobDeleted", "requeued"), ("failed", "Stalled", "finished"), ("completed", "Completed", "finished")],
)
async def test_what_was_lost_once_too_often_or_had_published_has_ended(
    caplog: pytest.LogCaptureFixture, state: str, reason: str, action: str
) -> None:
    before = outcomes(state, reason)
    with caplog.at_level("INFO"):
        await World(RUNNING, None, requeued=state).look()
    told = [(record.action, record.reason) for record in caplog.records]  # type: ignore[attr-defined]
    assert told == [(action, reason)]
    assert outcomes(state, reason) - before == (action == "finished")


async def test_an_end_is_told_though_the_release_fails() -> None:
    before = outcomes("completed", "Completed")
    with pytest.raises(ConnectionError):
        await World(replace(RUNNING, verdict="completed"), LaunchSeen(KEY, Condition.COMPLETE)).look()
    assert outcomes("completed", "Completed") == before + 1


async def test_what_was_made_of_a_launch_goes_before_its_job_ends_for_a_profile_that_is_no_more() -> None:
    job = replace(JOB, profile="removed", papers=({}, "token"))
    made = World(job, LaunchSeen(KEY, incomplete=True), gone=False)
    assert await made.look() == STILL_GOING_SECONDS
    assert made.asked == ["record_ending", "cancel"]
    made.gone = True
    with pytest.raises(ConnectionError):
        await made.look()
    assert (made.asked[-1], made.finished) == ("record_finished", ["UnknownProfile"])
