"""docs/operations.md's backup and restore, with Jobs in flight."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psycopg
import pytest

from tests.cluster.chart.installed import Installed
from tests.cluster.chart.release import OPERATOR
from tests.cluster.machine.commands import until
from tests.own_server import installed as programs


def backed_up(database: str, file: Path) -> None:
    command = [
        str(programs() / "pg_dump"),
        "--format=custom",
        "--schema=indexjob",
        f"--file={file}",
        f"--dbname={database}",
    ]
    subprocess.run(command, check=True)


def restored(database: str, file: Path) -> None:
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute("DROP SCHEMA indexjob CASCADE")
    subprocess.run([programs() / "pg_restore", "--exit-on-error", f"--dbname={database}", file], check=True)


@pytest.mark.timeout(1800)
def test_what_was_under_way_at_the_backup_is_run_again_and_what_ended_later_when_it_is_asked_for(
    installed: Installed, tmp_path: Path
) -> None:
    """Each row has one snapshot in the end."""
    release = installed.release
    before = installed.enqueue(installed.repository("before"))
    assert installed.wait_for(before, "completed", "failed")["state"] == "completed"
    under_way = installed.enqueue(installed.repository("under-way", files=100))
    installed.wait_for(under_way, "running", "completed")
    backed_up(installed.database.admin, tmp_path / "dump")
    name = installed.apply_example(installed.repository("after"))
    release.space.wait(f"indexjob/{name}", until="condition=Complete")

    release.space("scale", OPERATOR, "--replicas=0")
    release.space("delete", "jobs", "-l", "app.kubernetes.io/managed-by=indexjob")
    release.space.wait("pods", "--all", until="delete")
    restored(installed.database.admin, tmp_path / "dump")
    release.space("scale", OPERATOR, "--replicas=1")
    release.wait_until_ready()

    assert installed.job(before)["state"] == "completed"
    assert installed.wait_for(under_way, "completed", "failed")["state"] == "completed"
    release.space("annotate", f"indexjob/{name}", "codeindex.dev/rerun=restored")
    with psycopg.connect(installed.database.admin, autocommit=True) as admin:

        def question(query: str) -> list[tuple[object, ...]]:
            return admin.execute(query.encode()).fetchall()

        ended = "SELECT state::text FROM indexjob.jobs WHERE repository LIKE '%after'"
        assert until(lambda: question(ended) == [("completed",)], seconds=240, every=0.5), release.story()
        assert question("SELECT * FROM indexjob.check_invariants('0')") == []
        assert question("SELECT repository_id, commit FROM indexjob.snapshot GROUP BY 1, 2 HAVING count(*) > 1") == []
