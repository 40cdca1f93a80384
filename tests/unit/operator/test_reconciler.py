"""What a look at an index job costs. Queue and runtime are stand-ins that note who asked them for what."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from indexjob.queue.leader import ActiveJob
from indexjob_operator.profiles import Profiles
from indexjob_operator.reconciler import Reconciler
from indexjob_operator.runtime.local import LocalRuntime
from indexjob_operator.runtime.protocol import LaunchKey, LaunchRequest, LaunchSeen
from tests.unit.operator.test_decision import JOB, RUNNING

TAKES = replace(JOB, papers=({}, "token"))


class Queue:
    def __init__(self, job: ActiveJob) -> None:
        self.job = job

    async def find(self, job: UUID) -> ActiveJob:
        return self.job


class Runtime:
    missing = LocalRuntime.missing

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.requests: list[LaunchRequest] = []
        self.observed: list[LaunchKey] = []

    async def observe(self, key: LaunchKey) -> LaunchSeen:
        self.observed.append(key)
        self.asked.append("observe")
        return LaunchSeen(key)

    async def launch(self, request: LaunchRequest) -> None:
        self.asked.append("launch")
        self.requests.append(request)


def begun(job: ActiveJob) -> tuple[Queue, Runtime, Reconciler]:
    queue, runtime = Queue(job), Runtime()
    reconciler = Reconciler(
        queue, runtime, Profiles(),  # type: ignore[arg-type]
        worker_database_url=lambda: "", local_repositories=False,
    )  # fmt: skip
    return queue, runtime, reconciler


def looked(job: ActiveJob, *, claimed: bool) -> list[str]:
    """What the runtime is asked in the first look and in a second one."""
    _, runtime, reconciler = begun(job)

    async def run() -> None:
        if claimed:
            reconciler.claimed(job.id, asyncio.sleep(0))
        await reconciler.reconcile(job.id)
        await reconciler.reconcile(job.id)

    asyncio.run(run())
    return runtime.asked


def test_what_was_claimed_just_now_is_launched_without_asking_for_it() -> None:
    assert looked(TAKES, claimed=True) == ["launch", "observe"]


def test_what_may_be_there_is_asked_for() -> None:
    assert looked(TAKES, claimed=False) == ["observe", "observe"]
    assert looked(RUNNING, claimed=True) == ["observe", "observe"]
    assert looked(replace(TAKES, verdict="completed"), claimed=True) == ["observe", "observe"]


async def test_each_launch_is_given_what_its_worker_reaches_the_database_with_as_it_is_then() -> None:
    """Passwords and certificates change while the operator runs."""
    runtime, given = Runtime(), iter(("first", "second"))
    reconciler = Reconciler(
        Queue(TAKES), runtime, Profiles(),  # type: ignore[arg-type]
        worker_database_url=lambda: "url", worker_database_ca=lambda: next(given),
        local_repositories=False,
    )  # fmt: skip
    for _ in range(2):
        reconciler.claimed(TAKES.id, asyncio.sleep(0))
        await reconciler.reconcile(TAKES.id)
    assert [(one.database_url, one.database_ca) for one in runtime.requests] == [("url", "first"), ("url", "second")]


async def test_a_launch_waits_for_its_claim_to_be_on_the_disk_and_is_left_if_it_is_not() -> None:
    _, runtime, reconciler = begun(TAKES)
    confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    reconciler.claimed(TAKES.id, confirmed)
    look = asyncio.create_task(reconciler.reconcile(TAKES.id))
    await asyncio.sleep(0.01)
    assert runtime.asked == []
    confirmed.set_exception(ConnectionError())
    with pytest.raises(ConnectionError):
        await look
    assert runtime.asked == []


async def test_a_look_that_is_given_up_leaves_the_confirmation_to_the_others() -> None:
    *_, reconciler = begun(TAKES)
    confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    reconciler.claimed(TAKES.id, confirmed)
    look = asyncio.create_task(reconciler.reconcile(TAKES.id))
    await asyncio.sleep(0.01)
    look.cancel()
    await asyncio.gather(look, return_exceptions=True)
    assert not confirmed.done()


async def test_what_is_seen_of_the_launch_before_does_not_count_for_the_next() -> None:
    queue, runtime, reconciler = begun(RUNNING)
    await reconciler.reconcile(RUNNING.id)
    queue.job = replace(RUNNING, launch=3, slot_launch=3)
    await reconciler.reconcile(RUNNING.id)
    assert runtime.observed == [LaunchKey(RUNNING.id, launch) for launch in (2, 2, 3)]
