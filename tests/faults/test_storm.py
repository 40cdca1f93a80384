"""Several producers, two dispatchers and their workers as processes, all at once, while dispatchers die and Postgres is restarted under them."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from indexjob import migrations
from tests.faults.world import World
from tests.own_server import OwnServer, installed

PRODUCER = """
import random, sys, time
import psycopg
dsn, name, until = sys.argv[1], sys.argv[2], time.monotonic() + float(sys.argv[3])
dice, n, mine = random.Random(name), 0, []
while time.monotonic() < until:
    try:
        with psycopg.connect(dsn, connect_timeout=5) as connection:
            while time.monotonic() < until:
                n += 1
                asked = []
                for _ in range(dice.randrange(1, 4)):
                    revision = dice.choice(("good", "good", "good", "flaky", "bad")) + str(dice.randrange(5))
                    key = f"{name}-{n}" if dice.random() < 0.2 else None
                    asked += connection.execute(
                        "SELECT indexjob.enqueue(%s, %s, priority => %s, idempotency_key => %s, backoff_limit => 1)",
                        (f"https://example.org/{dice.randrange(6)}", revision, dice.randrange(3), key),
                    ).fetchone()
                if dice.random() < 0.3 and mine:
                    job = dice.choice(mine)
                    connection.execute(f"SELECT indexjob.{dice.choice(('cancel', 'suspend', 'resume', 'retry'))}(%s)", (job,))
                time.sleep(dice.random() * 0.7)
                if dice.random() < 0.1:
                    connection.rollback()
                    continue
                connection.commit()
                mine += asked
                print(*asked, flush=True)
    except psycopg.Error as error:
        time.sleep(0.2)
"""


class Producers:
    """Processes that ask, steer and roll back; each tells the ids that it has committed."""

    def __init__(self, world: World, seconds: float, count: int = 3) -> None:
        self._world = world
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-c", PRODUCER, world.logins["producer"], f"p{n}", str(seconds)],
                stdout=subprocess.PIPE,
                text=True,
            )
            for n in range(count)
        ]

    def join(self) -> int:
        for process in self._processes:
            told, _ = process.communicate(timeout=300)
            assert process.returncode == 0
            self._world.jobs += [UUID(job) for job in told.split()]
        return len(self._world.jobs)


def calm(world: World) -> None:
    """Nobody steers any more: what was suspended goes on, all comes to its end."""
    world.admin.execute("SELECT indexjob.resume(id) FROM indexjob.index_jobs WHERE state = 'suspended'")
    world.settle(120)
    world.assert_sound()


def test_a_storm_with_dispatchers_that_die(world: World) -> None:
    dice = random.Random(7)
    for _ in range(2):
        world.dispatch()
    producers = Producers(world, seconds=6)
    for _ in range(3):
        time.sleep(1.5)
        victim = dice.choice([d for d in world.dispatchers if d.process.poll() is None])
        victim.end(signal.SIGKILL)
        world.dispatch()
    assert producers.join() > 20
    calm(world)


@pytest.fixture
def crashing() -> Iterator[OwnServer]:
    with tempfile.TemporaryDirectory(prefix="ijs-") as folder:
        Path(folder).chmod(0o755)
        server = OwnServer(Path(folder), installed())
        server.start()
        yield server
        server.stop("immediate")


def test_postgres_restarted_under_load(crashing: OwnServer, tmp_path: Path) -> None:
    """Once orderly, once as by a crash: nobody's process ends, and everything goes on."""
    with psycopg.connect(crashing.dsn, autocommit=True) as admin:
        migrations.migrate(admin)
    world = World(crashing.dsn, tmp_path)
    try:
        for _ in range(2):
            world.dispatch()
        world.wait_for("SELECT epoch > 0 FROM indexjob.lease")
        producers = Producers(world, seconds=6)
        for mode in ("fast", "immediate"):
            time.sleep(2)
            world.admin.close()
            crashing.stop(mode)
            time.sleep(0.3)
            crashing.start()
            crashing.wait()
            world.admin = psycopg.connect(crashing.dsn, autocommit=True)
        assert producers.join() > 20
        calm(world)
        assert [d.process.poll() for d in world.dispatchers] == [None, None]
    finally:
        world.close()
