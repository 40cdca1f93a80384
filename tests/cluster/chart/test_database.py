"""What is wrong with the database is said where people look, and it heals when the cause is gone."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from helm_python import HelmError
from psycopg import conninfo

from indexjob import migrations
from tests.cluster.chart.installed import NAMED, Installed, reaching, urls
from tests.cluster.chart.release import NAME, OPERATOR_PODS, Release
from tests.cluster.machine.commands import until
from tests.cluster.operator.ground import Database

Make = Callable[..., None]


def says(release: Release, what: Callable[[], str], sentence: str) -> None:
    assert until(lambda: sentence in what(), seconds=240, every=1), release.story()


def unready(release: Release) -> str:
    """What `/readyz` answers."""
    (pod,) = [pod["metadata"]["name"] for pod in release.space.list("pods", OPERATOR_PODS)]
    ask = "import sys,urllib.request,urllib.error\ntry:\n print(urllib.request.urlopen('http://127.0.0.1:8080/readyz').read().decode())\nexcept urllib.error.HTTPError as e:\n print(e.read().decode())"
    return release.space("exec", pod, "-c", "operator", "--", "python", "-c", ask)


def test_a_missing_secret_is_told_at_once_and_waited_for(
    release: Release, reachable_database: Database, credentials: Make
) -> None:
    notes = release.install(NAMED, reaching(reachable_database))
    assert 'There is no Secret "db"' in notes
    says(release, release.migration_log, "is missing or has none of its keys")
    credentials(**urls(reachable_database))
    release.wait_until_ready(180)
    assert "MISSING" not in release.upgrade(NAMED, reaching(reachable_database))
    assert "canary" not in release.migration_log() + release.log()


def test_a_secret_without_the_right_keys_is_told_at_once(
    release: Release, reachable_database: Database, credentials: Make
) -> None:
    credentials(operator_url=urls(reachable_database)["operator_url"])
    notes = release.install(NAMED, {"operator": {"replicas": 0}})
    assert 'The Secret "db" has neither the key worker-url nor url' in notes
    assert 'The Secret "db" has neither the key migrate-url nor url' in notes
    with pytest.raises(HelmError):
        release.helm.test(NAME, timeout=600)  # the database's owner, who may enqueue, isn't named
    assert until(lambda: not release.space.list("pods", "app.kubernetes.io/component=test"), seconds=240), (
        "uninstall would leave it"
    )


def test_a_port_that_no_policy_lets_through_is_told_at_once(release: Release, credentials: Make) -> None:
    """And of the URL nothing else; one without a port has the usual one."""
    credentials(url="postgresql://me:canary:8080@db.example.com:6543/app?sslmode=require", worker_url="host=db port=1")
    notes = release.install(NAMED, {"operator": {"replicas": 0}})
    assert 'The Secret "db" has the database at port 6543 (url), and connections to port 5432 alone are' in notes
    assert "canary" not in notes
    assert "worker-url" not in notes
    open_there = {"networkPolicy": {"database": {"port": 6543}}}
    assert "at port" not in release.upgrade(NAMED, {"operator": {"replicas": 0}}, open_there)
    credentials(url="postgresql://me:canary@db.example.com/app")
    assert "at port" not in release.upgrade(NAMED, {"operator": {"replicas": 0}})


def test_a_wrong_password_is_told_and_a_right_one_is_taken(
    release: Release, reachable_database: Database, credentials: Make
) -> None:
    right = urls(reachable_database)
    wrong = {key: url.replace("canary-", "canary-wrong-") for key, url in right.items()}
    credentials(**wrong)
    release.install(NAMED, reaching(reachable_database))
    says(release, release.migration_log, "does not accept this user and password")
    credentials(**right)
    release.wait_until_ready(240)
    assert "canary" not in release.migration_log() + release.log()


@pytest.mark.timeout(1800)
def test_passwords_that_change_while_it_runs_are_taken(
    installed: Installed, reachable_database: Database, credentials: Make
) -> None:
    """The operator's own and the workers', without a restart, once the kubelet has brought them."""
    release, changed = installed.release, urls(reachable_database)
    with psycopg.connect(reachable_database.admin, autocommit=True) as admin:
        for who in ("operator", "worker"):
            login = conninfo.conninfo_to_dict(reachable_database.logins[who])
            admin.execute(f"ALTER ROLE {login['user']} PASSWORD 'canary-changed'".encode())
            changed[f"{who}_url"] = changed[f"{who}_url"].replace(str(login["password"]), "canary-changed")
        credentials(**changed)
        (pod,) = [pod["metadata"]["name"] for pod in release.space.list("pods", OPERATOR_PODS)]
        release.space("annotate", "pod", pod, "test/look=again")  # or the kubelet takes a minute
        read = ("exec", pod, "-c", "operator", "--", "cat", "/etc/indexjob/database/worker-url")
        assert until(lambda: "changed" in release.space(*read), seconds=240, every=1)
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        job = installed.wait_for(installed.enqueue(installed.repository("changed")), "completed", "failed")
        assert job["state"] == "completed", release.story()
        listening = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        assert until(lambda: admin.execute(listening).fetchone() == (2,), seconds=240), "wake-ups and ends are heard"
    assert "canary" not in release.log()
    assert [one["metadata"]["name"] for one in release.space.list("pods", OPERATOR_PODS)] == [pod]


def test_a_database_that_is_down_is_waited_for(
    release: Release, reachable_database: Database, credentials: Make
) -> None:
    credentials(**urls(reachable_database))
    reachable_database.server.stop()
    try:
        release.install(NAMED, reaching(reachable_database))
        says(release, release.migration_log, "No Postgres is listening")
    finally:
        reachable_database.server.start()
    release.wait_until_ready()


def test_an_older_schema_is_told_where_nobody_may_migrate_it(
    release: Release, reachable_database: Database, credentials: Make
) -> None:
    given = urls(reachable_database)
    del given["migrate_url"]
    credentials(**given)
    latest = migrations.latest_version()
    with psycopg.connect(reachable_database.admin, autocommit=True) as admin:
        admin.execute("ALTER TABLE indexjob.migrations RENAME TO kept")
        admin.execute(f"CREATE TABLE indexjob.migrations AS SELECT * FROM indexjob.kept WHERE version < {latest}")
        admin.execute("GRANT SELECT ON indexjob.migrations TO indexjob_operator, indexjob_worker")
        release.install(NAMED, reaching(reachable_database), {"database": {"migrate": False}})
        sentence = f"The schema is at version {latest - 1}, this release needs {latest}"
        says(release, release.log, sentence)
        assert sentence in unready(release)
        admin.execute("DROP TABLE indexjob.migrations")
        admin.execute("ALTER TABLE indexjob.kept RENAME TO migrations")
    release.wait_until_ready()


def test_several_replicas_migrate_an_empty_database_once(
    release: Release, reachable_database: Database, credentials: Make
) -> None:
    """And one of them leads; the other is ready, too."""
    given = urls(reachable_database)
    with psycopg.connect(reachable_database.admin, autocommit=True) as admin:
        admin.execute("DROP SCHEMA indexjob CASCADE")
    credentials(**given)
    release.install(NAMED, reaching(reachable_database), {"operator": {"replicas": 2}})
    release.wait_until_ready()
    assert release.migration_log().count("applied ") == len(migrations.migrations())
    with psycopg.connect(reachable_database.admin, autocommit=True) as admin:
        row = admin.execute("SELECT count(*) FROM indexjob.lease WHERE expires_at > now()").fetchone()
    assert row == (1,)
    assert release.helm.status(NAME)["status"] == "deployed"
