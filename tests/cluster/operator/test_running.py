"""Whole runs on a real cluster, from a resource or a row to what is shown of its end."""

from __future__ import annotations

import json

from tests.cluster.operator.world import PYTHON, World


def test_a_row_becomes_a_job_whose_pod_publishes(world: World) -> None:
    world.repository("one", a__py=PYTHON, b__py="from a import helper\nhelper()\n")
    world.operate()
    job = world.enqueue("one")
    row = world.wait_for_end(job)
    assert (row["state"], row["reason"], row["progress"], row["attempts"], row["launches"]) == (
        "completed", "Completed", 100, 1, 1,
    ), world.story()  # fmt: skip
    assert (row["job_name"], row["namespace"]) == (f"{job}-1", world.space.name)
    assert (row["stats"]["files"], row["stats"]["dependencies"]) == (2, 1)
    found = world.rows("SELECT path, line, parent FROM indexjob.find_definitions('greet')")
    assert [(f["path"], f["line"], f["parent"]) for f in found] == [("a.py", 2, "Greeter")]
    (attempt,) = world.attempts(job)
    assert (attempt["exit_code"], attempt["launch"]) == (0, 1)
    assert attempt["pod"].startswith(f"{job}-1-")
    assert attempt["node"]
    assert attempt["finished_at"] > attempt["started_at"]


def test_a_resource_becomes_a_row_and_shows_its_end(world: World) -> None:
    repository = world.repository("one", a__py=PYTHON)
    world.operate()
    world.apply("first", "one", revision="main")
    world.space.wait("indexjob/first", until="condition=Complete")
    status = world.resource("first")
    row = world.job(world.job_of("first"))
    assert (row["state"], row["tenant"]) == ("completed", "default")
    assert status["state"] == "completed"
    assert status["commit"] == repository.git("rev-parse", "main") == row["commit"]
    assert status["observedGeneration"] == 1
    assert (status["jobName"], status["jobNamespace"]) == (row["job_name"], world.space.name)


def test_a_row_and_a_resource_run_beside_each_other(world: World) -> None:
    world.repository("one")
    world.repository("two")
    world.operate()
    job = world.enqueue("one")
    world.apply("second", "two")
    world.space.wait("indexjob/second", until="condition=Complete")
    assert world.wait_for_end(job)["state"] == "completed"


def test_what_waits_while_no_operator_runs_is_done_when_one_comes(world: World) -> None:
    world.repository("one")
    world.repository("two")
    job = world.enqueue("one")
    world.apply("second", "two")
    world.operate()
    world.space.wait("indexjob/second", until="condition=Complete")
    assert world.wait_for_end(job)["state"] == "completed"


def test_files_that_can_not_be_parsed_are_counted_and_fail_nothing(world: World) -> None:
    world.repository("one", a__py=PYTHON, broken__py="def (:\n  ))) class\n" * 5)
    world.operate()
    row = world.wait_for_end(world.enqueue("one"))
    assert (row["state"], row["stats"]["files"]) == ("completed", 2)
    files = {f["path"]: f["status"] for f in world.rows("SELECT path, status FROM indexjob.files")}
    assert files["a.py"] != files["broken.py"]


def test_a_commit_that_is_indexed_already_ends_as_unchanged(world: World) -> None:
    world.repository("one")
    world.operate()
    first = world.wait_for_end(world.enqueue("one"))
    second = world.wait_for_end(world.enqueue("one"))
    assert (first["state"], second["state"], second["reason"]) == ("completed", "skipped", "Unchanged")
    assert first["commit"] == second["commit"]


def test_a_server_that_always_fails_ends_it_after_the_backoff_limit(world: World) -> None:
    world.repository("one")
    world.git.server.mood = "error"
    world.operate()
    job = world.enqueue("one", backoff_limit=1)
    row = world.wait_for_end(job)
    assert (row["state"], row["reason"], row["attempts"], row["launches"]) == ("failed", "BackoffLimitExceeded", 2, 1)
    assert [a["exit_code"] for a in world.attempts(job)] == [75, 75]


def test_a_missing_revision_costs_one_attempt_only(world: World) -> None:
    world.repository("one")
    world.operate()
    world.apply("first", "one", revision="v9.9")
    world.space.wait("indexjob/first", until="condition=Failed")
    row = world.job(world.job_of("first"))
    assert (row["state"], row["reason"], row["attempts"]) == ("failed", "PermanentError", 1)
    assert "RevisionNotFound" in row["message"]


def test_a_wrong_password_is_a_permanent_error(world: World) -> None:
    world.repository("one")
    world.git.server.basic = ("git", "another")
    world.operate()
    job = world.enqueue("one")
    row = world.wait_for_end(job)
    assert (row["state"], row["reason"], row["attempts"]) == ("failed", "PermanentError", 1)
    assert "AccessDenied" in row["message"]
    assert world.attempts(job)[0]["exit_code"] == 77


def test_a_run_over_its_deadline_is_ended_by_itself(world: World) -> None:
    world.repository("one")
    world.git.server.mood = "stall"
    world.operate()
    options = json.dumps({"credentials_secret": "git", "active_deadline_seconds": 3})
    row = world.wait_for_end(world.enqueue("one", options=options))
    assert (row["state"], row["reason"], row["attempts"]) == ("failed", "DeadlineExceeded", 1)


def test_an_unknown_profile_fails_at_once_and_names_those_there_are(world: World) -> None:
    world.repository("one")
    world.operate()
    row = world.wait_for_end(world.enqueue("one", profile="huge"))
    assert (row["state"], row["reason"], row["attempts"]) == ("failed", "UnknownProfile", 0)
    assert "default" in row["message"]
