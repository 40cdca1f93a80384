"""`symbols`, `references`, `dependents`, `cycles`, `stats`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import pytest

if TYPE_CHECKING:
    from conftest import Cli, Queue

URL = "https://example.org/team/project"


@pytest.mark.usefixtures("index")
def test_symbols(cli: Cli) -> None:
    [found] = cli("symbols", "Alpha", "-o", "json").json
    assert {key: found[key] for key in ("path", "line", "kind", "signature", "repository")} == {
        "path": "a.py", "line": 1, "kind": "class", "signature": "def Alpha()", "repository": URL,
    }  # fmt: skip
    assert "a.py:1" in cli("symbols", "Alpha", "--repository", f"{URL}.git").out
    assert [row["name"] for row in cli("symbols", "ALP", "--search", "-o", "json").json] == ["Alpha"]
    assert cli("symbols", "ALP", "-o", "json").json == []
    assert "--search" in cli("symbols", "ALP").err


@pytest.mark.usefixtures("index")
def test_references(cli: Cli) -> None:
    found = cli("references", "Alpha", "-o", "json").json
    assert [(row["path"], row["line"], row["enclosing"]) for row in found] == [
        ("b.py", 0, "beta"),
        ("c.py", 0, "gamma"),
        ("c.py", 1, "gamma"),
    ]
    assert "c.py:1" in cli("references", "Alpha").out
    assert len(cli("references", "Alpha", "--limit", "1", "-o", "json").json) == 1


@pytest.mark.usefixtures("index")
def test_dependents_and_cycles(cli: Cli) -> None:
    found = cli("dependents", URL, "b.py", "-o", "json").json
    assert {(row["path"], row["depth"]) for row in found} == {("a.py", 1), ("c.py", 1)}
    assert "a.py" in cli("dependents", URL, "b.py").out
    [circle] = cli("cycles", URL, "-o", "json").json
    assert circle["paths"] == ["a.py", "b.py", "c.py"]
    assert "a.py → b.py → c.py → a.py" in cli("cycles", URL).out


def test_an_answer_about_what_is_not_indexed_is_none(cli: Cli, index: UUID) -> None:
    for arguments, sentence in (
        (("dependents", "https://example.org/other", "b.py"), "is not in the index"),
        (("dependents", URL, "nowhere.py"), "There is no file nowhere.py"),
        (("cycles", "https://example.org/other"), "is not in the index"),
        (("stats", "https://example.org/other"), "is not in the index"),
        (("stats", URL, "--revision", "v9"), "at v9"),
        (("cycles", "ext::x"), "remote helpers"),
        (("symbols", "x", "--repository", "https://a:b@example.org/x"), "password"),
    ):
        result = cli(*arguments)
        assert (result.code, result.out) == (1, ""), arguments
        assert sentence in result.err


@pytest.mark.usefixtures("index")
def test_stats_of_a_repository_say_what_stands_out(cli: Cli) -> None:
    found = cli("stats", URL, "-o", "json").json
    assert found["stats"]["files"] == 3
    assert found["languages"] == [{"language": "python", "files": 3, "lines": 30}]
    assert found["most_referenced"] == [
        {"name": "Alpha", "kind": "class", "path": "a.py", "line": 1, "uses": 3, "files": 2}
    ]
    assert found["hubs"][0] == {"path": "b.py", "dependents": 2}
    assert found["cycles"] == [{"size": 3, "paths": ["a.py", "b.py", "c.py"]}]
    assert found["failed_files"] == [{"path": "c.py", "status": "syntax_error"}]
    out = cli("stats", URL).out
    for told in ("python", "Alpha", "b.py", "a.py → b.py", "syntax errors", "clone 0.25"):
        assert told in out


def test_stats_of_everything(cli: Cli, index: UUID) -> None:
    found = cli("stats", "-o", "json").json
    assert found["queue"] == {"default": {"completed": 1}}
    assert [(row["repository"], row["files"]) for row in found["index"]] == [(URL, 3)]
    assert URL in cli("stats").out


def test_stats_show_what_waits_and_what_failed(cli: Cli) -> None:
    cli("enqueue", "https://example.org/waits", "--batch", "night")
    found = cli("stats", "-o", "json").json
    assert [(row["repository"], row["reason"]) for row in found["waiting"]] == [
        ("https://example.org/waits", "no dispatcher runs")
    ]
    assert [(row["batch"], row["jobs"], row["progress"]) for row in found["batches"]] == [("night", 1, 0)]
    assert (found["durations"], found["recent_failures"], found["stuck"]) == ([], [], [])
    assert "no dispatcher runs" in cli("stats").out


def test_stats_show_what_is_stuck_and_what_is_behind_what(cli: Cli, queue: Queue) -> None:
    silent = queue.enqueue("https://example.org/a")
    queue.run(silent)
    queue.enqueue("https://example.org/a", revision="v2")
    queue.one(
        "UPDATE indexjob.index_jobs SET started_at = now() - interval '1 hour', launched_at = now() - interval '1 hour' WHERE id = %s RETURNING 1",
        silent,
    )
    found = cli("stats", "-o", "json").json
    assert [(row["id"], row["what"]) for row in found["stuck"]] == [(str(silent), "no sign of life")]
    assert [(row["revision"], row["behind"], row["place"]) for row in found["waiting"]] == [("v2", str(silent), 1)]
    assert "no sign of life" in cli("stats").out


def test_stats_are_by_tenant_and_of_one_if_asked(cli: Cli, queue: Queue) -> None:
    queue.fail(queue.enqueue("https://example.org/one", tenant="one", batch="n"))
    queue.fail(queue.enqueue("https://example.org/two", tenant="two", batch="n"))
    queue.enqueue("https://example.org/waits", tenant="two")
    found = cli("stats", "-o", "json").json
    assert found["queue"] == {"one": {"failed": 1}, "two": {"failed": 1, "queued": 1}}
    assert [row["tenant"] for row in found["recent_failures"]] == ["two", "one"]
    found = cli("stats", "--tenant", "one", "-o", "json").json
    assert found["queue"] == {"one": {"failed": 1}}
    for view in ("recent_failures", "batches", "durations"):
        assert [row["tenant"] for row in found[view]] == ["one"], view
    assert found["waiting"] == []
    assert "example.org/two" not in cli("stats", "--tenant", "one").out
    assert [row["repository"] for row in cli("stats", "--tenant", "two", "-o", "json").json["waiting"]] == [
        "https://example.org/waits"
    ]
