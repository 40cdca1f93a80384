"""Operators that are killed at every named step, that come in twos, and that are told to stop."""

from __future__ import annotations

import asyncio
import signal
import time

import aiohttp
import pytest

from indexjob_operator.faults import KUBERNETES_POINTS, POINTS, RESOURCE_POINTS
from tests.cluster.operator.world import LEASE_SECONDS, World

ALL = {*POINTS, *KUBERNETES_POINTS, *RESOURCE_POINTS}
PATIENCE_SECONDS = 1500
UNFINISHED = "SELECT id, revision, state FROM indexjob.jobs WHERE finished_at IS NULL"


class Load:
    """Keeps the operator busy with all that leads past its points."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._n = 0
        for name in ("a", "b", "hung"):
            world.repository(name)

    def keep_up(self) -> None:
        """Good runs, bad ones, resources that come and go, launches that are cancelled and that a stranger takes away."""
        world = self._world
        unfinished = world.rows(UNFINISHED)
        if len(unfinished) < 3:
            self._n += 1
            world.enqueue("a", revision="main", priority=self._n)
            world.enqueue("b", revision=f"nothing{self._n}")
            world.apply(f"r{self._n}", "a")
            world.apply(f"gone{self._n}", "b")
            world.space("delete", "indexjob", f"gone{self._n}", "--wait=false")
        running = [row for row in unfinished if row["state"] == "running"]
        for row in running[:1]:
            if self._n % 2:
                world.steer("cancel", str(row["id"]))
            else:
                world.space("delete", "jobs", "-l", f"codeindex.dev/index-job={row['id']}", "--wait=false")


@pytest.mark.timeout(1800)
def test_killed_at_every_point(world: World) -> None:
    """`kill -9` at each step; the next operator ends what it finds: no job is lost, doubled, or left behind."""
    untried, load = set(ALL), Load(world)
    operator = world.operate(*untried)
    until, steered = time.monotonic() + PATIENCE_SECONDS, time.monotonic()
    while untried:
        assert time.monotonic() < until, f"not reached: {untried}\n{world.story()}"
        if point := operator.stopped_at():
            untried.discard(point)
            operator.end(signal.SIGKILL)
            world.let_lease_run_out()
            operator = world.operate(*untried)
        elif time.monotonic() - steered > 2.5:
            steered = time.monotonic()
            load.keep_up()
        time.sleep(0.05)
    world.wait(lambda: not world.rows(UNFINISHED), "every row is finished", seconds=600)
    assert sum(operator.process.poll() == -signal.SIGKILL for operator in world.operators) == len(ALL)


async def test_of_two_one_leads_and_the_other_takes_over_at_once(world: World) -> None:
    for n in range(4):
        world.repository(f"r{n}")
    first = world.operate()
    world.wait(lambda: first.said("elected"), "the first one leads")
    second = world.operate()
    async with aiohttp.ClientSession() as session:
        began = time.monotonic()
        while True:
            async with session.get(f"http://127.0.0.1:{second.port}/readyz") as answer:
                if answer.status == 200:
                    break
                assert time.monotonic() - began < 80, await answer.text()
            await asyncio.sleep(0.1)
        async with session.get(f"http://127.0.0.1:{second.port}/metrics") as answer:
            assert "\nindexjob_leader 0.0" in await answer.text()
    jobs = [world.enqueue(f"r{n}") for n in range(4)]
    world.wait(world.launched, "a Job")
    assert not second.said("elected")
    first.end()
    world.wait(lambda: second.said("elected"), "the second one leads", seconds=2 * LEASE_SECONDS + 2)
    assert {world.wait_for_end(job)["state"] for job in jobs} == {"completed"}
    assert {world.job(job)["launches"] for job in jobs} == {1}


def test_one_that_is_told_to_stop_leaves_what_runs_and_gives_the_lease_back(world: World) -> None:
    world.repository("one")
    world.git.server.hold()
    first = world.operate()
    job = world.enqueue("one")
    world.wait_for_state(job, "running")
    assert first.end(signal.SIGTERM) == 0
    assert len(world.launched()) == 1
    world.git.server.let_go()
    second = world.operate()
    world.wait(lambda: second.said("elected"), "the second one leads", seconds=LEASE_SECONDS + 5)
    row = world.wait_for_end(job)  # the clone that was cut is tried again
    assert (row["state"], row["launches"]) == ("completed", 1)
