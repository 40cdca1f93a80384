"""At every named point of claiming, launching, recording and taking down, a dispatcher is killed, cut off, or frozen past its lease.

Taking in, promoting and mending have no points of this kind: they are parts of one transaction of the database (test_within_transactions.py).
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable

import pytest

from indexjob_operator import faults
from tests.faults.world import Dispatcher, World

ROUND_SECONDS = 600.0
PATIENCE_SECONDS = 1.0
POINTS = faults.POINTS + faults.PROCESS_POINTS
UNFINISHED = "SELECT count(*) FROM indexjob.index_jobs WHERE finished_at IS NULL"


class Load:
    """Keeps the queue busy with all that may happen: good runs, bad ones, a hung one, lines behind one repository, equal requests, cancellations."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._random = random.Random(4)
        self._n = 0

    def keep_up(self, *, cancel: bool) -> None:
        if self._world.value(UNFINISHED) < 4:
            self._n += 1
            n = self._n
            for revision in (f"good{n}", f"good{n}", f"flaky{n}", f"bad{n}", f"hang{n}", f"slow{n}"):
                self._world.enqueue(f"r{self._random.randrange(4)}", revision, backoff_limit=1)
        if cancel and (job := self._world.value("SELECT id FROM indexjob.index_jobs WHERE state = 'running' LIMIT 1")):
            self._world.steer("cancel", job)


def hurt_at_every_point(world: World, hurt: Callable[[Dispatcher, set[str]], bool]) -> None:
    """Two dispatchers, until one has stopped at each point, and was hurt there.

    `hurt` is told what is untried yet, and says whether there was anything to hurt: if not, another one has to come to this point.
    """
    untried, load = set(POINTS), Load(world)
    until, last_stop = time.monotonic() + ROUND_SECONDS, time.monotonic()
    for _ in range(2):
        world.dispatch(*untried)
    while untried:
        assert time.monotonic() < until, f"not reached: {untried}\n{world.describe()}"
        if not (stop := world.stop()):
            if (
                time.monotonic() - last_stop > PATIENCE_SECONDS
                and (leader := world.leader())
                and not leader.points & untried
            ):
                leader.end(signal.SIGKILL)  # it has passed all that is left, while another one was being hurt
                world.let_lease_run_out()
                world.dispatch(*untried)
                last_stop = time.monotonic()
            load.keep_up(cancel=len(untried) < len(POINTS) / 2 and bool(untried & {"taking-down", "taken-down"}))
            time.sleep(0.05)
            continue
        last_stop = time.monotonic()
        dispatcher, point = stop
        if point not in untried or not hurt(dispatcher, untried - {point}):
            dispatcher.send(signal.SIGCONT)
        else:
            untried.discard(point)
    # From here on nobody is hurt any more.
    deadline = time.monotonic() + 240
    while world.value(UNFINISHED) or world.value("SELECT count(*) FROM indexjob.slots"):
        assert time.monotonic() < deadline, world.describe()
        if stop := world.stop():
            stop[0].send(signal.SIGCONT)
        time.sleep(0.05)
    world.assert_sound()


def test_killed_at_every_point(world: World) -> None:
    """`kill -9`: the standby takes over and ends what it finds."""

    def hurt(dispatcher: Dispatcher, untried: set[str]) -> bool:
        assert dispatcher.end(signal.SIGKILL) == -signal.SIGKILL
        world.let_lease_run_out()
        world.dispatch(*untried)
        return True

    hurt_at_every_point(world, hurt)


def test_cut_off_at_every_point(world: World) -> None:
    """All of its connections end while it stands there: it makes new ones and goes on, in the same process."""

    def hurt(dispatcher: Dispatcher, _untried: set[str]) -> bool:
        if not world.cut(dispatcher):
            return False  # it was cut off just before, and has yet to connect again
        dispatcher.send(signal.SIGCONT)
        return True

    hurt_at_every_point(world, hurt)
    assert {d.process.poll() for d in world.dispatchers} <= {None, -signal.SIGKILL}, "none ends by itself"


def test_frozen_past_its_lease_at_every_point(world: World) -> None:
    """The other one leads and goes on; woken, the first one changes nothing more and stands by."""

    def hurt(dispatcher: Dispatcher, _untried: set[str]) -> bool:
        epoch = world.value("SELECT epoch FROM indexjob.lease")
        if not world.value("SELECT holder LIKE %s FROM indexjob.lease", f"%/{dispatcher.process.pid}/%"):
            return False  # it has been frozen before, and does not know yet that another one leads
        world.let_lease_run_out()
        until = time.monotonic() + 240
        while world.value("SELECT epoch FROM indexjob.lease") == epoch:
            assert time.monotonic() < until, world.describe()
            if stop := world.stop(but=dispatcher):  # the other one may come to a point of its own meanwhile
                stop[0].send(signal.SIGCONT)
            time.sleep(0.05)
        time.sleep(0.3)
        dispatcher.send(signal.SIGCONT)
        return True

    hurt_at_every_point(world, hurt)
    assert {d.process.poll() for d in world.dispatchers} <= {None, -signal.SIGKILL}, "none ends by itself"


@pytest.mark.parametrize("silent", ["hang", "mute"], ids=["after a heartbeat", "before the first"])
def test_a_run_that_is_silent_is_fenced_and_launched_again(world: World, silent: str) -> None:
    world.dispatch()
    job = world.enqueue("a", silent, backoff_limit=0)
    world.settle()
    again = "SELECT state = 'completed' AND launch > 1 AND resets = launch - 1 AND failures = 0 FROM indexjob.index_jobs WHERE id = %s"
    assert world.value(again, job)
    world.assert_sound()


def test_how_long_a_run_may_be_silent_can_be_changed_while_it_runs(world: World) -> None:
    """No new term begins: who leads, leads on."""
    world.admin.execute("UPDATE indexjob.settings SET heartbeat_timeout = '1 hour'")
    world.dispatch()
    job = world.enqueue("a", "hang")
    world.wait_for("SELECT EXISTS (SELECT FROM indexjob.progress WHERE job_id = %s)", job)
    epoch = world.value("SELECT epoch FROM indexjob.lease")
    world.admin.execute("UPDATE indexjob.settings SET heartbeat_timeout = '3 seconds'")
    world.settle()
    assert world.value("SELECT state = 'completed' AND launch > 1 FROM indexjob.index_jobs WHERE id = %s", job)
    assert world.value("SELECT epoch FROM indexjob.lease") == epoch


@pytest.mark.parametrize("point", ["ending-recorded", "requeueing"])
def test_why_a_launch_was_taken_down_outlives_who_did_it(world: World, point: str) -> None:
    """Nothing of the launch is left that the next one could judge by."""
    world.admin.execute("UPDATE indexjob.settings SET reset_limit = 0")
    first = world.dispatch(point)
    job = world.enqueue("a", "hang")
    until = time.monotonic() + 240
    while not first.stopped_at():
        assert time.monotonic() < until, world.describe()
        time.sleep(0.01)
    first.end(signal.SIGKILL)
    world.let_lease_run_out()
    world.dispatch()
    world.wait_for("SELECT finished_at IS NOT NULL FROM indexjob.index_jobs WHERE id = %s", job)
    assert world.value("SELECT reason FROM indexjob.index_jobs WHERE id = %s", job) == "Stalled"
    assert "gave no sign of life" in world.value("SELECT message FROM indexjob.index_jobs WHERE id = %s", job)
    world.assert_sound()


@pytest.mark.parametrize("point", ["claimed"])
def test_a_standby_leads_within_two_lease_times(world: World, point: str) -> None:
    first = world.dispatch(point)
    world.wait_for("SELECT epoch = 1 FROM indexjob.lease")
    world.dispatch()
    world.wait_for("SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = %s", world.dispatchers[1].name)
    job = world.enqueue("a")
    while not first.stopped_at():
        time.sleep(0.01)
    first.end(signal.SIGKILL)
    assert world.wait_for("SELECT epoch = 2 FROM indexjob.lease") < 2 * world.lease
    world.wait_for("SELECT state = 'completed' FROM indexjob.index_jobs WHERE id = %s", job)
    world.assert_sound()


def test_a_dispatcher_frozen_past_its_lease_stands_by_when_it_wakes(world: World) -> None:
    """In real time. What it ran is taken down by the next leader, with the dispatcher still frozen, and run again."""
    first = world.dispatch("running")
    world.wait_for("SELECT epoch = 1 FROM indexjob.lease")
    second = world.dispatch()
    job = world.enqueue("a", "slow")
    while not first.stopped_at():
        time.sleep(0.01)
    world.wait_for("SELECT state = 'completed' AND launch = 2 FROM indexjob.index_jobs WHERE id = %s", job)
    first.send(signal.SIGCONT)
    late = world.enqueue("a", "late")
    world.wait_for("SELECT state = 'completed' FROM indexjob.index_jobs WHERE id = %s", late)
    assert world.value("SELECT epoch FROM indexjob.lease") == 2
    assert [d.process.poll() for d in (first, second)] == [None, None]
    world.assert_sound()
