"""What is claimed is handed out with its way to the disk, during which the next is claimed. The queue here is a stand-in: it holds calls back as wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from uuid import UUID, uuid4

import pytest

from indexjob_operator.dispatcher import Dispatcher

BATCH = 3


class Queue:
    """Has `waiting` jobs; `confirm_claims` waits for `on_disk`."""

    def __init__(self, waiting: int) -> None:
        self.waiting = [uuid4() for _ in range(waiting)]
        self.claims = 0
        self.on_disk = asyncio.Event()
        self.broken = False

    async def claim(self, wanted: int, at_once: int, namespace: str | None) -> list[UUID]:
        assert (at_once, namespace) == (10, "ns")
        self.claims += 1
        await asyncio.sleep(0)
        taken, self.waiting = self.waiting[:wanted], self.waiting[wanted:]
        return taken

    async def confirm_claims(self) -> None:
        await self.on_disk.wait()
        if self.broken:
            raise ConnectionError


Handed = dict[UUID, "asyncio.Future[None]"]


def dispatching(queue: Queue, handed: Handed) -> Dispatcher:
    def claimed(job: UUID, confirmed: Awaitable[None]) -> None:
        handed[job] = asyncio.ensure_future(confirmed)

    return Dispatcher(queue, claimed, concurrency=10, namespace="ns", batch=BATCH)  # type: ignore[arg-type]


async def test_the_next_batch_is_claimed_while_one_is_written_to_the_disk_which_is_told_of_each() -> None:
    queue, handed = Queue(2 * BATCH + 1), Handed()
    everything = list(queue.waiting)
    claiming = asyncio.create_task(dispatching(queue, handed).run_once())
    for _ in range(10):
        await asyncio.sleep(0)
    assert queue.claims == 2
    assert list(handed) == everything[:BATCH]
    assert not any(confirmed.done() for confirmed in handed.values())
    queue.on_disk.set()
    assert await claiming == len(everything)
    assert list(handed) == everything
    assert all(confirmed.done() for confirmed in handed.values())
    assert queue.claims == 3


async def test_a_batch_that_is_not_full_is_the_last() -> None:
    queue, handed = Queue(BATCH - 1), Handed()
    queue.on_disk.set()
    assert await dispatching(queue, handed).run_once() == BATCH - 1
    assert queue.claims == 1


async def test_of_what_could_not_be_written_that_is_told() -> None:
    """And what was claimed meanwhile is not handed out: the sweep finds it, if it is there."""
    queue, handed = Queue(2 * BATCH), Handed()
    queue.broken = True
    queue.on_disk.set()
    with pytest.raises(ConnectionError):
        await dispatching(queue, handed).run_once()
    await asyncio.sleep(0)
    assert len(handed) == BATCH
    assert all(isinstance(confirmed.exception(), ConnectionError) for confirmed in handed.values())
    assert {task.get_name() for task in asyncio.all_tasks()} == {asyncio.current_task().get_name()}  # type: ignore[union-attr]


async def test_who_drains_claims_nothing() -> None:
    queue, handed = Queue(1), Handed()
    dispatcher = dispatching(queue, handed)
    dispatcher.draining = True
    assert await dispatcher.run_once() == 0
    assert queue.claims == 0
