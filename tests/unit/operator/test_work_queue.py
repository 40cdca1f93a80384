"""Coalescing, one worker a key, later again after a failure."""

from __future__ import annotations

import asyncio

from indexjob_operator.work_queue import LONGEST_PAUSE_SECONDS, WorkQueue


async def test_hints_for_a_key_in_line_are_one() -> None:
    work: WorkQueue[str] = WorkQueue()
    for _ in range(3):
        work.add("a")
    assert await work.get() == "a"
    work.done("a")
    assert work.idle


async def test_a_key_is_one_workers_alone_and_comes_again_if_hinted_meanwhile() -> None:
    work: WorkQueue[str] = WorkQueue()
    work.add("a")
    await work.get()
    work.add("a")
    work.add("a")
    work.add("b")
    assert await work.get() == "b"
    assert not work.idle
    work.done("a")
    assert await work.get() == "a"
    work.done("a")
    work.done("b")
    assert work.idle


async def test_pauses_double_to_a_limit_until_it_goes_well() -> None:
    work: WorkQueue[str] = WorkQueue()
    pauses = [work.retry("a") for _ in range(12)]
    assert pauses[:3] == [0.1, 0.2, 0.4]
    assert pauses[-1] == LONGEST_PAUSE_SECONDS
    work.forget("a")
    assert work.retry("a") == 0.1
    async with asyncio.timeout(60):
        assert await work.get() == "a"


async def test_a_look_stands_for_those_that_were_to_come_later_but_for_who_asks_meanwhile() -> None:
    work: WorkQueue[str] = WorkQueue()
    work.later("a", 0.01)
    work.add("a")
    assert await work.get() == "a"
    work.done("a")
    await asyncio.sleep(0.05)
    assert work.idle
    work.add("a")
    assert await work.get() == "a"
    work.later("a", 0.01)
    work.later("a", 60)
    work.done("a")
    async with asyncio.timeout(60):
        assert await work.get() == "a"


async def test_a_later_look_is_one_look_however_often_it_is_put_off() -> None:
    work: WorkQueue[str] = WorkQueue()
    work.later("a", 60)
    for _ in range(3):
        work.later("a", 0.01)
    async with asyncio.timeout(60):
        assert await work.get() == "a"
    work.done("a")
    await asyncio.sleep(0.05)
    assert work.idle
