"""What is claimed is handed out once it is on the disk, and the next is claimed meanwhile. The queue here is a stand-in: it holds calls back as wanted."""

from __future__ import annotations

import asyncio
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


def dispatching(queue: Queue, handed: list[UUID]) -> Dispatcher:
    return Dispatcher(queue, handed.append, concurrency=10, namespace="ns", batch=BATCH)  # type: ignore[arg-type]


async def test_the_next_batch_is_claimed_while_one_is_written_to_the_disk_and_none_is_handed_out_before() -> None:
    queue, handed = Queue(2 * BATCH + 1), list[UUID]()
    everything = list(queue.waiting)
    claiming = asyncio.create_task(dispatching(queue, handed).run_once())
    for _ in range(10):
        await asyncio.sleep(0)
    assert (queue.claims, handed) == (2, [])
    queue.on_disk.set()
    assert await claiming == len(everything)
    assert handed == everything
    assert queue.claims == 3


async def test_a_batch_that_is_not_full_is_the_last() -> None:
    queue, handed = Queue(BATCH - 1), list[UUID]()
    queue.on_disk.set()
    assert await dispatching(queue, handed).run_once() == BATCH - 1
    assert queue.claims == 1


async def test_what_could_not_be_written_is_not_handed_out() -> None:
    """Nor is what was claimed meanwhile: the sweep finds it, if it is there."""
    queue, handed = Queue(2 * BATCH), list[UUID]()
    queue.broken = True
    queue.on_disk.set()
    with pytest.raises(ConnectionError):
        await dispatching(queue, handed).run_once()
    await asyncio.sleep(0)
    assert handed == []
    assert {task.get_name() for task in asyncio.all_tasks()} == {asyncio.current_task().get_name()}  # type: ignore[union-attr]


async def test_who_drains_claims_nothing() -> None:
    queue, handed = Queue(1), list[UUID]()
    dispatcher = dispatching(queue, handed)
    dispatcher.draining = True
    assert await dispatcher.run_once() == 0
    assert queue.claims == 0
