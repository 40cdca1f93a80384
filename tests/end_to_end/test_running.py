"""Whole runs, from a row to a published snapshot, with real processes, a real git server and the real database."""

from __future__ import annotations

import os
import signal
import time

import psycopg
import pytest

PYTHON = "class Greeter:\n    def greet(self):\n        return helper()\n\n\ndef helper():\n    return 1\n"


def test_a_run_publishes_what_is_in_the_repository(world) -> None:
    world.repository("one", a__py=PYTHON, b__py="from a import helper\nhelper()\n")
    job = world.enqueue("one")
    world.run_until_empty()
    row = world.job(job)
    assert (row["state"], row["reason"], row["progress"], row["attempts"], row["launches"]) == (
        "completed",
        "Completed",
        100,
        1,
        1,
    )
    assert {"files", "files_failed", "symbols", "references", "dependencies", "cycles"} <= set(row["stats"])
    assert (row["stats"]["files"], row["stats"]["files_failed"], row["stats"]["dependencies"]) == (2, 0, 1)
    found = world.rows("SELECT path, name, kind, line, parent FROM indexjob.find_definitions('greet')")
    assert [(f["path"], f["line"], f["parent"]) for f in found] == [("a.py", 2, "Greeter")]
    [attempt] = world.attempts(job)
    assert attempt["exit_code"] == 0
    assert {"clone", "discover", "parse", "symbols", "references", "dependencies", "store"} <= set(attempt["steps"])
    world.assert_nothing_is_left()


def test_of_five_requests_three_run_and_two_wait(world) -> None:
    jobs = []
    for n in range(5):
        world.repository(f"r{n}", a__py=PYTHON)
        jobs.append(world.enqueue(f"r{n}"))
    seen = set()
    with world.dispatcher("once") as process:
        while process.poll() is None:
            states = [row["state"] for row in world.rows("SELECT state FROM indexjob.jobs")]
            seen.add((sum(s in ("launching", "running") for s in states), states.count("queued")))
            time.sleep(0.01)
        assert process.returncode == 0
    assert (3, 2) in seen
    assert max(running for running, _ in seen) == 3
    assert {world.job(j)["state"] for j in jobs} == {"completed"}
    world.assert_nothing_is_left()


def test_a_server_that_fails_once_costs_one_attempt(world) -> None:
    world.repository("one", a__py=PYTHON)
    job = world.enqueue("one")
    world.server.errors_left = 1
    world.run_until_empty()
    assert world.job(job)["state"] == "completed"
    assert [a["exit_code"] for a in world.attempts(job)] == [75, 0]


def test_a_server_that_always_fails_ends_it_after_the_backoff_limit(world) -> None:
    world.repository("one", a__py=PYTHON)
    job = world.enqueue("one", backoff_limit=2)
    world.server.mood = "error"
    world.run_until_empty()
    row = world.job(job)
    assert (row["state"], row["reason"], row["attempts"]) == ("failed", "BackoffLimitExceeded", 3)
    assert "All 3 attempts failed" in row["message"]
    assert world.server.url not in row["message"] or "@" not in row["message"]
    world.assert_nothing_is_left()


def test_a_missing_revision_costs_one_attempt_only(world) -> None:
    world.repository("one", a__py=PYTHON)
    job = world.enqueue("one", revision="v9.9")
    world.run_until_empty()
    row = world.job(job)
    assert (row["state"], row["reason"], row["attempts"]) == ("failed", "PermanentError", 1)
    assert "v9.9" in row["message"]


def test_broken_files_are_counted_and_fail_nothing(world) -> None:
    world.repository("one", good__py=PYTHON, bad__py="def (:\n  class\n", binary__py="\0\0\0", notes__txt="hello")
    job = world.enqueue("one")
    world.run_until_empty()
    assert world.job(job)["state"] == "completed"
    statuses = {r["path"]: r["status"] for r in world.rows("SELECT path, status FROM indexjob.files")}
    assert statuses["good.py"] == "ok"
    assert statuses["bad.py"] == "syntax_error"
    assert statuses["binary.py"] == "binary"
    assert statuses["notes.txt"] == "unsupported"


def test_the_same_commit_again_is_skipped_and_a_moved_branch_shows_the_new_one(world) -> None:
    repository = world.repository("one", a__py=PYTHON)
    world.enqueue("one")
    world.run_until_empty()
    again = world.enqueue("one")
    world.run_until_empty()
    assert (world.job(again)["state"], world.job(again)["reason"]) == ("skipped", "Unchanged")
    repository.commit({"a.py": b"def fresh():\n    pass\n"})
    world.enqueue("one")
    world.run_until_empty()
    assert [r["name"] for r in world.rows("SELECT name FROM indexjob.symbols")] == ["fresh"]


@pytest.mark.parametrize("cuts", [1, 6])
def test_the_connection_cut_while_storing_leaves_the_old_snapshot_whole_and_the_retry_completes(
    world, cuts: int
) -> None:
    repository = world.repository("one", a__py=PYTHON)
    world.enqueue("one")
    world.run_until_empty()
    repository.commit({"a.py": b"def fresh():\n    pass\n"})
    job = world.enqueue("one")

    def waiting() -> set[int]:
        """The workers' connections; the operator collects what nobody needs meanwhile, and waits, too."""
        query = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND starts_with(query, 'COPY indexjob.symbol')"
        return {row["pid"] for row in world.rows(query)}

    with psycopg.connect(world.database) as blocker, world.dispatcher("once") as process:
        blocker.execute("LOCK TABLE indexjob.symbol IN SHARE MODE")  # readers may read, nobody can store
        for _ in range(cuts):
            world.wait(waiting, "a worker waits to store")
            assert [r["name"] for r in world.rows("SELECT name FROM indexjob.symbols ORDER BY line")] == [
                "Greeter",
                "greet",
                "helper",
            ]
            cut = waiting()
            world.rows("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid", list(cut))
            world.wait(
                lambda cut=cut: not cut & waiting(), "the connection is gone"
            )  # it may wait again on another by now
        blocker.rollback()
        assert process.wait(240) == 0, world.log.read_text()
    assert world.job(job)["state"] == "completed"
    assert [r["name"] for r in world.rows("SELECT name FROM indexjob.symbols")] == ["fresh"]
    if cuts > 1:
        assert "DatabaseError" in [a["reason"] for a in world.attempts(job)]
    world.assert_nothing_is_left()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_that_is_killed_costs_one_attempt(world, number: int) -> None:
    world.repository("one", a__py=PYTHON)
    world.server.mood = "stall"
    job = world.enqueue("one")
    with world.dispatcher("once") as process:
        world.wait(lambda: len(world.server.requests), "the worker clones")
        worker = next(p for p in pids(world) if "indexjob_worker" in p[1])
        world.server.mood = "well"
        os.kill(worker[0], number)
        assert process.wait(240) == 0, world.log.read_text()
    assert world.job(job)["state"] == "completed"
    assert [a["exit_code"] for a in world.attempts(job)] == [137 if number == signal.SIGKILL else 75, 0]
    world.assert_nothing_is_left()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["clone", "store", "queue"])
def test_a_dispatcher_that_is_stopped_or_killed_loses_and_doubles_nothing(world, number: int, moment: str) -> None:
    jobs = []
    for n in range(4):
        world.repository(f"r{n}", a__py=PYTHON)
        jobs.append(world.enqueue(f"r{n}"))
    blocker = psycopg.connect(world.database)
    if moment == "clone":
        world.server.mood = "stall"
    elif moment == "store":
        blocker.execute("LOCK TABLE indexjob.symbol IN SHARE MODE")
    with world.dispatcher() as process:
        if moment == "clone":
            world.wait(lambda: len(world.server.requests) >= 3, "three workers clone")
        elif moment == "store":
            world.wait(
                lambda: len(world.rows("SELECT FROM pg_locks WHERE NOT granted")) >= 3, "three workers wait to store"
            )
        else:
            world.wait(lambda: world.rows("SELECT FROM indexjob.jobs WHERE state = 'launching'"), "one is launching")
        process.send_signal(number)
        process.wait(240)
        if number == signal.SIGTERM:
            assert process.returncode == 0, world.log.read_text()
            world.assert_nothing_is_left()
    world.server.mood = "well"
    blocker.close()
    world.run_until_empty()
    assert [world.job(j)["state"] for j in jobs] == ["completed"] * 4
    published = world.rows(
        "SELECT repository, count(*) FROM indexjob.symbols WHERE name = 'Greeter' GROUP BY repository"
    )
    assert [p["count"] for p in published] == [1] * 4
    assert max(world.job(j)["launches"] for j in jobs) <= 2
    world.assert_nothing_is_left()


@pytest.mark.parametrize("how", ["cancel", "suspend"])
def test_a_running_job_that_is_cancelled_or_suspended_is_taken_down_at_once(world, how: str) -> None:
    world.repository("one", a__py=PYTHON)
    world.server.mood = "stall"
    job = world.enqueue("one")
    with world.dispatcher() as process:
        world.wait(lambda: world.job(job)["state"] == "running" and world.server.requests, "it runs")
        world.rows(f"SELECT indexjob.{how}(%s)", job)
        world.wait(lambda: not world.processes() and not world.rows("SELECT FROM indexjob.slots"), "it is taken down")
        assert [a["reason"] for a in world.attempts(job) if a["finished_at"]] == ["Terminated"]
        world.server.mood = "well"
        world.rows("SELECT indexjob.retry(%s)" if how == "cancel" else "SELECT indexjob.resume(%s)", job)
        world.wait(lambda: world.job(job)["state"] == "completed", "the next launch completes")
        assert world.job(job)["launches"] == 2
        assert process.poll() is None


def test_a_second_dispatcher_stands_by_and_takes_over(world) -> None:
    world.repository("one", a__py=PYTHON)
    with world.dispatcher() as first, world.dispatcher() as second:
        world.wait(lambda: world.rows("SELECT FROM indexjob.lease WHERE epoch > 0"), "one leads")
        [holder] = world.rows("SELECT holder FROM indexjob.lease")
        leader = first if f"/{first.pid}/" in holder["holder"] else second
        leader.kill()
        job = world.enqueue("one")
        world.wait(lambda: world.job(job)["state"] == "completed", "the other completes it")


def pids(world) -> list[tuple[int, str]]:
    from pathlib import Path

    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(world.workspaces) in line and "dispatcher.py" not in line:
            found.append((int(path.parent.name), line))
    return found
