"""`list`, `show`, `logs`, `watch` and the steering commands."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest

from indexjob.queue.producer import Attempt, Job

if TYPE_CHECKING:
    from conftest import Cli, Queue

URL = "https://example.org/team/project"


def test_list_filters_and_is_newest_first(cli: Cli, queue: Queue) -> None:
    first = queue.enqueue(batch="b")
    other = queue.enqueue("https://example.org/other", tenant="team-a")
    queue.fail(first)

    def found(*arguments: str) -> list[str]:
        return [job["id"] for job in cli("list", "-o", "json", *arguments).json]

    assert found() == [str(other), str(first)]
    assert found("--state", "failed") == [str(first)]
    assert found("--state", "launching", "--state", "failed") == [str(other), str(first)]
    assert found("--repository", "git@example.org:team/project.git") == [str(first)]
    assert found("--batch", "b") == [str(first)]
    assert found("--tenant", "team-a") == [str(other)]
    assert found("--limit", "1") == [str(other)]
    assert found("--batch", "none") == []
    table = cli("list").out
    assert "PermanentError" in table
    assert str(first)[:8] in table


def test_the_shapes_of_json_are_those_of_the_views(cli: Cli, queue: Queue, index: UUID) -> None:
    [row] = cli("list", "-o", "json").json
    assert list(row) == list(Job.__dataclass_fields__)
    assert row["stats"]["seconds"]["clone"] == 0.25
    assert row["stats"]["seconds"]["store"] >= 0.5
    queue.one(
        "INSERT INTO indexjob.index_job_attempts (job_id, launch, number, pod_uid, log_tail) VALUES (%s, 1, 1, 'u', 'x') RETURNING 1",
        index,
    )
    shown = cli("show", index, "-o", "json").json
    assert list(shown) == [*Job.__dataclass_fields__, "waits_for", "attempts_made"]
    assert list(shown["attempts_made"][0]) == list(Attempt.__dataclass_fields__)


def test_show_tells_what_is_known(cli: Cli, index: UUID) -> None:
    out = cli("show", index).out
    for told in (str(index), URL, "completed", "3 files", "clone 0.25"):
        assert told in out


def test_show_tells_what_a_job_waits_for(cli: Cli, queue: Queue) -> None:
    job = queue.enqueue(run_after="2100-01-01")
    assert cli("show", job, "-o", "json").json["waits_for"] == "due time"
    assert "due time" in cli("show", job).out


def test_the_beginning_of_an_id_will_do_if_it_is_one_jobs(
    cli: Cli, queue: Queue, admin: psycopg.Connection[Any]
) -> None:
    job = queue.enqueue()
    assert cli("show", str(job)[:4], "-o", "json").json["id"] == str(job)
    assert cli("show", str(job)[:13].upper(), "-o", "json").json["id"] == str(job)
    twins = ["abcd0000-0000-4000-8000-000000000001", "abcd0000-0000-4000-8000-000000000002"]
    for twin in twins:
        admin.execute("UPDATE indexjob.index_jobs SET id = %s WHERE id = %s", [twin, queue.enqueue()])
    result = cli("show", "abcd")
    assert (result.code, result.out) == (1, "")
    assert "Several index jobs begin with abcd" in result.err
    assert cli("show", twins[0], "-o", "json").json["id"] == twins[0]


@pytest.mark.parametrize("command", ["show", "watch", "logs", "cancel", "retry", "suspend", "resume"])
@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("abc", '"abc" is no id'),
        ("nonsense", "is no id of an index job"),
        ("abcd", "There is no index job abcd"),
        ("00000000-0000-4000-8000-000000000000", "There is no index job"),
    ],
)
def test_an_id_that_is_none(cli: Cli, command: str, typed: str, sentence: str) -> None:
    result = cli(command, typed)
    assert (result.code, result.out) == (1, "")
    assert sentence in result.err
    assert "indexjob list" in result.err


def test_steering_says_what_it_did_or_why_not(cli: Cli, queue: Queue) -> None:
    job = str(queue.enqueue())
    for command, state in (
        ("suspend", "suspended"),
        ("resume", "queued"),
        ("cancel", "cancelled"),
        ("retry", "queued"),
    ):
        done = cli(command, job[:8])
        assert (done.code, done.out) == (0, f"{job[:8]} is {state}\n")
        assert cli("show", job, "-o", "json").json["state"] == state
    again = cli("retry", job)
    assert again.code == 1
    assert "only failed and cancelled ones can be retried" in again.err
    [result] = cli("cancel", job, "-o", "json", "--reason", "changed my mind").json
    assert result == {"id": job, "changed": True, "note": ""}
    assert cli("show", job, "-o", "json").json["message"] == "changed my mind"


def test_steering_touches_nothing_if_one_id_is_wrong(cli: Cli, queue: Queue) -> None:
    job = queue.enqueue()
    assert cli("cancel", job, "abcd").code == 1
    assert cli("show", job, "-o", "json").json["state"] == "queued"


def test_logs_shows_the_newest_attempts_last_lines_without_what_steers_a_terminal(cli: Cli, queue: Queue) -> None:
    job = queue.enqueue()
    assert "No attempt" in cli("logs", job).err
    for number, tail in ((1, "first"), (2, "one\n\x1b[31mtwo\x07")):
        queue.one(
            "INSERT INTO indexjob.index_job_attempts (job_id, launch, number, pod_uid, log_tail) VALUES (%s, 1, %s, %s, %s) RETURNING 1",
            job,
            number,
            number,
            tail,
        )
    assert cli("logs", job).out == "one\n\ufffd[31mtwo\ufffd\n"
    assert cli("logs", job, "--attempt", "1").out == "first\n"
    assert [one["lines"] for one in cli("logs", job, "-o", "json").json] == [["first"], ["one", "\x1b[31mtwo\x07"]]
    missing = cli("logs", job, "--attempt", "3")
    assert missing.code == 1
    assert "has no attempt 3" in missing.err


def test_watch_follows_to_the_end_and_tells_each_change(cli: Cli, queue: Queue) -> None:
    good, bad = queue.enqueue(), queue.enqueue("https://example.org/other")

    def operator() -> None:
        time.sleep(0.7)
        queue.run(good)
        time.sleep(0.7)
        queue.one("SELECT indexjob.cancel(%s)", good)
        queue.one("SELECT indexjob.cancel(%s, 'not needed')", bad)

    thread = threading.Thread(target=operator)
    thread.start()
    result = cli("watch", "-o", "json")
    thread.join()
    assert result.code == 1
    changes = [json.loads(line) for line in result.out.splitlines()]
    states = [change["state"] for change in changes if change["id"] == str(good)]
    assert states[0] == "queued"
    assert states[-1] == "cancelled"
    assert "running" in states
    assert "not needed" in result.err


def test_watch_has_nothing_to_do(cli: Cli) -> None:
    result = cli("watch")
    assert (result.code, result.out) == (0, "")
    assert "Nothing is queued or running." in result.err


def test_an_empty_list_says_what_to_do(cli: Cli) -> None:
    assert "indexjob enqueue REPO" in cli("list").err
