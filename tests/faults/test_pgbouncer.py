"""Everything through a transaction-pooling PgBouncer: enqueueing, the lease, claiming, workers. Wake-ups don't come through; looking does."""

from __future__ import annotations

from pathlib import Path

from psycopg import conninfo

from tests.faults.world import World
from tests.postgres.wakeup import pgbouncer

SLOW_POLL_SECONDS = 2.0


def test_the_whole_way_through_pgbouncer(world: World, server: str, tmp_path_factory) -> None:
    folder: Path = tmp_path_factory.mktemp("bouncer")
    folder.chmod(0o755)
    for parent in folder.parents[:3]:
        parent.chmod(parent.stat().st_mode | 0o011)
    users = {login: str(conninfo.conninfo_to_dict(dsn)["user"]) for login, dsn in world.logins.items()}
    direct = dict(world.logins)
    with pgbouncer.running(server, folder, list(users.values())) as address:
        database = conninfo.conninfo_to_dict(world.url)["dbname"]
        for login, user in users.items():
            world.logins[login] = conninfo.make_conninfo(address, user=user, dbname=database, password="x")
        world.dispatch()
        world.wait_for("SELECT epoch = 1 FROM indexjob.lease")
        for n in range(8):
            world.enqueue(f"r{n % 4}", f"v{n}")
        world.settle()
        world.wait_for("SELECT pg_sleep(1) IS NOT NULL")  # it has gone quiet
        late = world.enqueue("late")
        taken = "SELECT state <> 'queued' FROM indexjob.index_jobs WHERE id = %s"
        assert world.wait_for(taken, late) < SLOW_POLL_SECONDS + 2
        world.settle()
        world.assert_sound()
        assert world.value("SELECT count(*) FROM indexjob.jobs WHERE state = 'completed'") == 9
        world.dispatchers[0].end()
    world.logins = direct
