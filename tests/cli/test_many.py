"""`indexjob redrive` and `prune` reach all that they are asked for, and nothing else."""

from __future__ import annotations

import pytest

from indexjob.cli import many
from tests.cli.conftest import Cli, Queue


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that it takes several calls."""
    monkeypatch.setattr(many, "REDRIVEN_AT_ONCE", 2)
    monkeypatch.setattr(many, "PRUNED_AT_ONCE", 2)


def failed(queue: Queue, number: int, **more: object) -> object:
    job = queue.enqueue(f"https://example.org/team/r{number}", **more)
    queue.fail(job)
    return job


def state(queue: Queue, job: object) -> object:
    return queue.one("SELECT state::text FROM indexjob.index_jobs WHERE id = %s", job)


def test_redrive_queues_all_that_failed(cli: Cli, queue: Queue) -> None:
    jobs = [failed(queue, n) for n in range(5)]
    assert cli("redrive", "-o", "json").json == {"redriven": 5}
    assert {state(queue, job) for job in jobs} == {"queued"}
    assert "Nothing has failed" in cli("redrive").err


def test_redrive_is_narrowed_by_batch_reason_tenant_and_number(cli: Cli, queue: Queue) -> None:
    first, second = failed(queue, 1, batch="nightly"), failed(queue, 2, batch="nightly")
    other = failed(queue, 3)
    assert cli("redrive", "--reason", "DeadlineExceeded", "-o", "json").json == {"redriven": 0}
    assert cli("redrive", "--tenant", "nobody", "-o", "json").json == {"redriven": 0}
    assert cli("redrive", "--batch", "nightly", "--limit", 1, "-o", "json").json == {"redriven": 1}
    assert state(queue, first) == "queued", "which failed first"
    assert "1 queued again" in cli("redrive", "--batch", "nightly").err
    assert (state(queue, second), state(queue, other)) == ("queued", "failed")


def test_prune_forgets_what_finished_that_long_ago(cli: Cli, queue: Queue) -> None:
    for n in range(5):
        failed(queue, n)
    queue.one(
        "UPDATE indexjob.index_jobs SET created_at = now() - interval '40 days', started_at = NULL, finished_at = now() - interval '31 days' RETURNING 1"
    )
    young, waiting = failed(queue, 8), queue.enqueue("https://example.org/team/r9")
    assert cli("prune", "--older-than", "60 days", "-o", "json").json == {"pruned": 0}
    assert cli("prune", "--limit", 3, "-o", "json").json == {"pruned": 3}
    assert "2 forgotten" in cli("prune").err
    assert (state(queue, young), state(queue, waiting)) == ("failed", "queued")


@pytest.mark.parametrize("time", ["soon", "-1 day"])
def test_prune_refuses_a_time_that_is_none(cli: Cli, queue: Queue, time: str) -> None:
    result = cli("prune", f"--older-than={time}")
    assert result.code != 0
    assert result.err.startswith("Error:")
