"""What the database does in one transaction, ended in the middle of it: taking in, promoting and mending among others.

No named point stands between these steps, because none can be half done: whoever calls either finds all of it done or nothing. Here a trigger of the test's own holds
the transaction when the step has changed a row and the rest is still to come; then its connection is cut, or its dispatcher killed, whose transaction goes on and
commits what nobody hears of any more.
"""

from __future__ import annotations

import signal
import time

import pytest

from tests.faults.world import Dispatcher, World

PROMOTED = "OLD.line = 'blocked' AND NEW.line = 'ready'"
STEPS = {
    "taking in": "OLD.line = 'new' AND NEW.line IN ('ready', 'blocked')",
    "claiming": "OLD.state = 'queued' AND NEW.state = 'launching'",
    "coalescing": "OLD.line <> 'coalesced' AND NEW.line = 'coalesced'",
    "recording": "OLD.state IN ('launching', 'running') AND NEW.finished_at IS NOT NULL",
    "settling": "OLD.line = 'coalesced' AND NEW.finished_at IS NOT NULL",
    "promoting": f"{PROMOTED} AND current_query() LIKE '%record_finished%'",
    "requeueing": "OLD.state IN ('launching', 'running') AND NEW.state = 'queued'",
    "mending": f"{PROMOTED} AND current_query() LIKE '%mend%'",
}
HOLD = """
    CREATE TABLE witness.held (step text);
    CREATE FUNCTION witness.hold() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        WHILE EXISTS (SELECT FROM witness.held h WHERE h.step = TG_ARGV[0]) LOOP
            PERFORM pg_advisory_xact_lock_shared(4);
            PERFORM pg_sleep(0.01);
        END LOOP;
        RETURN NULL;
    END $$;
"""
IS_HELD = """
    SELECT a.application_name, a.pid FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.objid = 4 AND a.application_name LIKE 'dispatcher-%'
"""


def lead_into(world: World, step: str) -> None:
    """Everything that leads through this step: a line of one repository with equal requests, a run that hangs, a promotion that was missed."""
    repository = step.replace(" ", "-")
    world.admin.execute("SELECT indexjob.pause()")
    for revision in ("first", "same", "same", "last") if step != "requeueing" else ("hang",):
        world.enqueue(repository, revision)
    if step == "mending":
        in_line = "SELECT count(*) = 4 FROM indexjob.index_jobs WHERE repository LIKE '%%/' || %s AND line IN ('ready', 'blocked')"
        world.wait_for(in_line, repository)
        world.admin.execute("UPDATE indexjob.index_jobs SET line = 'blocked' WHERE line = 'ready'")
    world.admin.execute("SELECT indexjob.unpause()")


def wait_until_held(world: World) -> tuple[Dispatcher, int]:
    until = time.monotonic() + 120
    while (row := world.admin.execute(IS_HELD).fetchone()) is None:
        assert time.monotonic() < until, world.describe()
        time.sleep(0.01)
    return next(d for d in world.dispatchers if d.name == row[0]), row[1]


@pytest.mark.parametrize("how", ["cut off", "killed"])
def test_ended_within_each_step(world: World, how: str) -> None:
    world.admin.execute(HOLD)
    for step, change in STEPS.items():
        world.admin.execute(
            f'CREATE TRIGGER "hold {step}" AFTER UPDATE ON indexjob.index_jobs'
            f" FOR EACH ROW WHEN ({change}) EXECUTE FUNCTION witness.hold('{step}')".encode()
        )
    for _ in range(2):
        world.dispatch()
    for step in STEPS:
        world.admin.execute("INSERT INTO witness.held VALUES (%s)", (step,))
        lead_into(world, step)
        dispatcher, backend = wait_until_held(world)
        if how == "killed":
            assert dispatcher.end(signal.SIGKILL) == -signal.SIGKILL
        else:
            assert world.value("SELECT pg_terminate_backend(%s, 5000)", backend)
        world.admin.execute("DELETE FROM witness.held")
        if how == "killed":
            world.let_lease_run_out()
            world.dispatch()
        broken = world.admin.execute("SELECT * FROM indexjob.check_invariants('1 hour')").fetchall()
        assert broken == [], f"{step}: {broken}"
    world.settle()
    world.assert_sound()
    assert {row[0] for row in world.admin.execute("SELECT state FROM indexjob.jobs")} == {"completed"}
    alive = [d.process.poll() for d in world.dispatchers]
    assert alive.count(None) == 2
    assert alive.count(-signal.SIGKILL) == (len(STEPS) if how == "killed" else 0)
