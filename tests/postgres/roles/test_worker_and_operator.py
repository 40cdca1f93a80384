"""A worker's login can speak for its own launch and nothing else; an operator's login is enough for the whole dispatcher."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import psycopg
import pytest
from psycopg import errors

from indexjob.index import FencedError, Graph, IndexWriter, Launch
from tests.postgres.queue.leading import Leader
from tests.postgres.roles.conftest import Login

EMPTY = Graph(b"none", ((), ()))


def token(leader: Leader, job: UUID, launch: int = 1) -> str:
    return str(leader.value("SELECT indexjob.launch_token(%s, %s)", job, launch))


def publish(worker: psycopg.Connection, job: UUID, launch: int, with_token: str) -> None:
    IndexWriter(worker, Launch(job, launch, with_token), 1).publish("c0ffee", [], EMPTY)


def test_a_worker_publishes_its_own_launch_and_no_other(leader: Leader, login: Login) -> None:
    worker = login("indexjob_worker")
    own, other, late = leader.enqueue("own"), leader.enqueue("other"), leader.enqueue("late")
    leader.claim()
    for job, launch, with_token in (
        (other, 1, token(leader, own)), (own, 2, token(leader, own)), (own, 1, ""), (own, 1, token(leader, own, 2)), (own, 2, token(leader, own, 2)),
    ):  # fmt: skip
        with pytest.raises(FencedError):
            publish(worker, job, launch, with_token)
    leader.value("SELECT indexjob.cancel(%s)", late)
    with pytest.raises(FencedError):
        publish(worker, late, 1, token(leader, late))
    publish(worker, own, 1, token(leader, own))
    assert [leader.row(job)["verdict"] for job in (own, other, late)] == ["completed", None, None]
    assert worker.execute(
        "SELECT indexjob.report_progress(%s, 1, %s, 'x', 1)", (other, token(leader, own))
    ).fetchone() == (False,)
    with pytest.raises(errors.Error) as refused:
        worker.execute(
            "SELECT indexjob.finish_attempt(%s, 'u', 1, %s, 0, 'x', 'x', NULL, NULL, NULL)", (other, token(leader, own))
        )
    assert refused.value.sqlstate == "IJ002"


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT indexjob.enqueue('https://example.org/x')",
        "SELECT indexjob.cancel(gen_random_uuid())",
        "SELECT indexjob.retry(gen_random_uuid())",
        "SELECT indexjob.redrive()",
        "SELECT indexjob.claim(1, 1, 1, NULL)",
        "SELECT indexjob.acquire_lease('me', '1 hour')",
        "SELECT indexjob.launch_token(gen_random_uuid(), 1)",
        "SELECT indexjob.record_finished(1, '[]')",
        "SELECT indexjob.mend(1)",
        "SELECT indexjob.prune()",
        "SELECT indexjob.pause()",
        "SELECT indexjob.lock_launch(gen_random_uuid(), 1, 'x')",
        "SELECT indexjob.show_snapshot(NULL, 1, 'completed', '{}')",
        "SELECT launch_key FROM indexjob.instance",
        "SELECT * FROM indexjob.index_jobs",
        "SELECT * FROM indexjob.jobs",
        "SELECT * FROM indexjob.active",
        "SELECT * FROM indexjob.slots",
        "SELECT * FROM indexjob.attempts",
        "SELECT * FROM indexjob.tenants",
        "UPDATE indexjob.index_jobs SET verdict = 'completed'",
        "UPDATE indexjob.progress SET progress = 0",
        "UPDATE indexjob.settings SET claiming_paused = true",
        "INSERT INTO indexjob.publication SELECT",
        "INSERT INTO indexjob.snapshot SELECT",
        "CREATE TABLE indexjob.mine ()",
    ],
)
def test_a_worker_can_do_nothing_else(database: str, statement: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("SET ROLE indexjob_worker")
        with pytest.raises((errors.InsufficientPrivilege, errors.SyntaxError)) as refused:
            connection.execute(statement)
    assert isinstance(refused.value, errors.InsufficientPrivilege)


def test_nobody_but_the_owner_reads_the_launch_key(login: Login) -> None:
    for role in ("indexjob_operator", "indexjob_worker", "indexjob_producer", "indexjob_reader"):
        with pytest.raises(errors.InsufficientPrivilege):
            login(role).execute("SELECT launch_key FROM indexjob.instance")


def test_an_operators_login_leads_and_administers(leader: Leader, login: Login) -> None:
    job = leader.enqueue("a")
    leader.value("SELECT indexjob.renew_lease(%s, '0')", leader.epoch)
    operator = Leader(login("indexjob_operator"))
    calls: list[Callable[[], object]] = [
        lambda: operator.claim() == [job],
        lambda: operator.value("SELECT count(*) FROM indexjob.active") == 1,
        lambda: operator.value("SELECT indexjob.record_running(%s, %s, 1)", operator.epoch, job),
        lambda: operator.finish(job) == [job],
        lambda: operator.value("SELECT indexjob.retry(%s)", job),
        lambda: operator.value("SELECT indexjob.pause()") and operator.value("SELECT indexjob.unpause()"),
        lambda: operator.value("SELECT indexjob.mend(%s)", operator.epoch) == 0,
        lambda: operator.value("SELECT indexjob.prune()") == 0,
        lambda: operator.value("SELECT count(*) FROM indexjob.check_invariants()") == 0,
        lambda: operator.value("SELECT indexjob.enqueue('https://example.org/x', tenant => 'new-tenant')"),
        lambda: operator.value("SELECT count(*) FROM indexjob.jobs") == 2,
    ]
    assert [bool(call()) for call in calls] == [True] * len(calls)
    leader.epoch = operator.epoch
