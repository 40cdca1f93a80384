"""Ends of launches go into few calls, and one that can't be recorded is no other's trouble. The queue here is a stand-in: faults come when they are wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest
from psycopg import errors

from indexjob.queue.leader import FinishedLaunch, LeadershipLostError
from indexjob_operator.recorder import AT_ONCE, BATCH, Recorder


class Queue:
    """Notes the calls, and holds them back until `go` is set. `held` are rows of another transaction, `poisoned` ones fail any call that names them."""

    def __init__(self) -> None:
        self.calls: list[list[UUID]] = []
        self.go = asyncio.Event()
        self.held: set[UUID] = set()
        self.gone: set[UUID] = set()
        self.poisoned: set[UUID] = set()
        self.lost = False

    async def record_finished(self, ended: Sequence[FinishedLaunch]) -> set[UUID]:
        ids = [end.id for end in ended]
        self.calls.append(ids)
        await self.go.wait()
        if self.lost:
            raise LeadershipLostError(1)
        if self.poisoned & set(ids):
            raise errors.UntranslatableCharacter
        if set(ids) <= self.held:
            raise errors.LockNotAvailable
        return set(ids) - self.held - self.gone


def end(number: int) -> FinishedLaunch:
    return FinishedLaunch(UUID(int=number), 1, "PermanentError", "m")


async def finish(recorder: Recorder, numbers: Sequence[int], go: asyncio.Event) -> list[bool | BaseException]:
    """All at once; the calls are let go when everybody has asked."""
    asked = [asyncio.create_task(recorder.finish(end(n))) for n in numbers]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    go.set()
    async with asyncio.timeout(60):
        return await asyncio.gather(*asked, return_exceptions=True)


def test_an_end_alone_is_recorded_at_once() -> None:
    async def run() -> None:
        queue = Queue()
        assert await finish(Recorder(queue), [1], queue.go) == [True]  # type: ignore[arg-type]
        assert queue.calls == [[UUID(int=1)]]

    asyncio.run(run())


def test_those_that_come_meanwhile_go_together() -> None:
    async def run() -> None:
        queue = Queue()
        numbers = range(1, 3 * BATCH)
        assert set(await finish(Recorder(queue), numbers, queue.go)) == {True}  # type: ignore[arg-type]
        assert sorted(id for call in queue.calls for id in call) == [UUID(int=n) for n in numbers]  # noqa: A001
        assert len(queue.calls) <= AT_ONCE + 3
        assert max(map(len, queue.calls)) <= BATCH

    asyncio.run(run())


def test_what_cannot_be_recorded_is_its_own_trouble() -> None:
    async def run() -> None:
        queue = Queue()
        recorder = Recorder(queue)  # type: ignore[arg-type]
        queue.held, queue.gone = {UUID(int=5)}, {UUID(int=6)}
        told = await finish(recorder, range(1, 9), queue.go)
        assert told[:4] + told[6:] == [True] * 6
        assert isinstance(told[4], errors.LockNotAvailable)
        assert told[5] is False, "it was somebody else's"
        queue.go.clear()
        queue.poisoned = {UUID(int=12)}
        told = await finish(recorder, range(10, 15), queue.go)
        assert [outcome is True for outcome in told] == [True, True, False, True, True]
        assert isinstance(told[2], errors.UntranslatableCharacter)

    asyncio.run(run())


@pytest.mark.parametrize("numbers", [[1], list(range(9))])
def test_with_the_lease_lost_all_hear_of_it(numbers: list[int]) -> None:
    async def run() -> None:
        queue = Queue()
        queue.lost = True
        told = await finish(Recorder(queue), numbers, queue.go)  # type: ignore[arg-type]
        assert {type(outcome) for outcome in told} == {LeadershipLostError}

    asyncio.run(run())
