"""`enqueue`, and everything that a request must not be."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest

from indexjob.cli import repository as repositories

if TYPE_CHECKING:
    from conftest import Cli, Queue

URL = "https://example.org/team/project"


def test_it_prints_the_id_alone_to_standard_output(cli: Cli) -> None:
    result = cli("enqueue", URL)
    assert result.code == 0
    assert cli("show", UUID(result.out.strip()), "-o", "json").json["repository"] == URL
    assert "queued" in result.err


def test_every_option_reaches_the_row(cli: Cli, admin: psycopg.Connection[Any]) -> None:
    admin.execute("INSERT INTO indexjob.tenants (name) VALUES ('team-a')")
    job = cli(
        *(
            "enqueue",
            URL,
            "--revision",
            "v1",
            "--priority",
            "-3",
            "--run-after",
            "2030-01-02T03:04:05Z",
            "--idempotency-key",
            "k",
        ),
        *(
            "--batch",
            "b",
            "--backoff-limit",
            "7",
            "--profile",
            "large",
            "--tenant",
            "team-a",
            "--include",
            "src/**",
            "--include",
            "lib/**",
        ),
        *(
            "--exclude",
            "*.min.js",
            "--language",
            "go",
            "--deadline",
            "600",
            "--credentials-secret",
            "token",
            "-o",
            "json",
        ),
    ).json["id"]
    row = admin.execute(
        "SELECT revision, priority, run_after, idempotency_key, batch, backoff_limit, profile, tenant, options FROM indexjob.index_jobs WHERE id = %s",
        [job],
    ).fetchone()
    options = {
        "include": ["src/**", "lib/**"],
        "exclude": ["*.min.js"],
        "languages": ["go"],
        "active_deadline_seconds": 600,
        "credentials_secret": "token",
    }
    assert row == ("v1", -3, datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC), "k", "b", 7, "large", "team-a", options)


def test_the_same_key_gives_the_same_job(cli: Cli) -> None:
    assert cli("enqueue", URL, "--idempotency-key", "k").out == cli("enqueue", URL, "--idempotency-key", "k").out


def test_run_after_can_be_told_from_now(cli: Cli) -> None:
    due = datetime.fromisoformat(cli("enqueue", URL, "--run-after", "+2h", "-o", "json").json["run_after"])
    assert timedelta(minutes=119) < due - datetime.now(UTC) < timedelta(minutes=121)


def test_a_local_path_is_made_absolute(cli: Cli, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)
    for spelt in (".", "../project", repository, f"file://{repository}"):
        assert cli("enqueue", spelt, "-o", "json").json["repository"] == f"file://{repository}"
    monkeypatch.chdir(repository.parent)
    assert cli("enqueue", "project", "-o", "json").json["repository"] == f"file://{repository}"


def test_a_bare_repository_and_a_work_tree_with_a_git_file_are_repositories(
    cli: Cli, repository: Path, tmp_path: Path
) -> None:
    subprocess.run(["git", "clone", "--quiet", "--bare", repository, tmp_path / "bare.git"], check=True)
    subprocess.run(
        ["git", "worktree", "add", "--quiet", tmp_path / "tree"], cwd=repository, check=True, capture_output=True
    )
    assert cli("enqueue", tmp_path / "bare.git").code == 0
    assert cli("enqueue", tmp_path / "tree").code == 0


def test_a_path_that_is_no_repository_is_refused_before_anything_is_stored(
    cli: Cli, repository: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    (repository / "src").mkdir()
    for path, sentence in (
        (tmp_path / "nowhere", "There is no directory"),
        (tmp_path / "file", "is a file, not a repository"),
        (tmp_path, "is no git repository"),
        (repository / "src", f"Did you mean {repository}?"),
    ):
        result = cli("enqueue", path)
        assert (result.code, result.out) == (1, "")
        assert sentence in result.err
    assert cli("list", "-o", "json").json == []


def test_local_paths_are_refused_where_the_setting_does_not_allow_them(
    cli: Cli, repository: Path, admin: psycopg.Connection[Any]
) -> None:
    admin.execute("UPDATE indexjob.settings SET local_repositories = false")
    result = cli("enqueue", repository)
    assert result.code == 1
    assert "Local repositories are not allowed here." in result.err
    assert "indexjob.settings.local_repositories" in result.err


@pytest.mark.parametrize(
    ("arguments", "sentences"),
    [
        (["https://user:hunter2@example.org/x"], ["must hold no user name, password or token", "credentials_secret"]),
        (["https://hunter2@example.org/x"], ["must hold no user name, password or token"]),
        (["ext::sh -c hunter2"], ["remote helpers"]),
        (["--", "-oProxyCommand=hunter2"], ["must not begin with a dash"]),
        (["ftp://example.org/hunter2"], ['over "ftp"']),
        (["example.org/hunter2"], ["This is no URL of a repository", "https://github.com/org/name"]),
        ([""], ["The repository is missing"]),
        ([URL, "--revision", "-x"], ["This is no valid revision", "Give a branch"]),
        ([URL, "--backoff-limit", "-1"], ["backoff_limit must be between 0 and 100, not -1"]),
        ([URL, "--deadline", "-5"], ["active_deadline_seconds", "at least 1"]),
        ([URL, "--profile", "No Such"], ['Profile "No Such" is no valid name.', "lower-case"]),
        ([URL, "--tenant", "No Tenant"], ['Tenant "No Tenant" is no valid name.']),
        ([URL, "--language", "cobol"], ["languages", "python"]),
        ([URL, "--credentials-secret", "No Secret"], ["the name of a Kubernetes Secret"]),
        ([URL, "--idempotency-key", ""], ["idempotency_key"]),
        ([URL, "--run-after", "tomorrow"], ['"tomorrow" is no point in time.', "+2h"]),
        ([URL, "--run-after", "+h"], ["is no point in time"]),
    ],
)
def test_what_no_run_could_make_sense_of_is_refused_in_a_sentence(
    cli: Cli, arguments: list[str], sentences: list[str]
) -> None:
    result = cli("enqueue", *arguments)
    assert (result.code, result.out) == (1, "")
    for sentence in sentences:
        assert sentence in result.err
    assert "hunter2" not in result.err
    assert cli("list", "-o", "json").json == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["enqueue"],
        ["enqueue", URL, "--speed", "9"],
        ["enqueue", URL, "--priority", "high"],
        ["list", "--limit", "-1"],
        ["list", "--state", "lost"],
        ["nonsense"],
        ["list", "-o", "yaml"],
    ],
)
def test_wrong_usage_exits_2(cli: Cli, arguments: list[str]) -> None:
    result = cli(*arguments)
    assert (result.code, result.out) == (2, "")
    assert "Usage" in result.err


def test_a_tenant_that_nobody_made_is_refused_and_not_made(cli: Cli, admin: psycopg.Connection[Any]) -> None:
    """Also for who serves all tenants, and could make it. What is said then is run, word for word."""
    result = cli("enqueue", URL, "--tenant", "typo")
    assert (result.code, result.out) == (1, "")
    assert 'There is no tenant "typo". There are: default.' in result.err
    assert admin.execute("SELECT name FROM indexjob.tenants").fetchall() == [("default",)]
    assert cli("list", "-o", "json").json == []
    admin.execute(result.err.partition("An administrator makes it: ")[2].encode())
    assert cli("enqueue", URL, "--tenant", "typo").code == 0


def test_another_tenants_name_is_refused(
    cli: Cli, admin: psycopg.Connection[Any], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin.execute("DROP ROLE IF EXISTS cli_producer")
    admin.execute("CREATE ROLE cli_producer IN ROLE indexjob_producer, indexjob_reader")
    try:
        monkeypatch.setenv("PGOPTIONS", "-c role=cli_producer")
        result = cli("enqueue", URL, "--tenant", "others")
        assert result.code == 1
        assert 'Tenant "others" does not exist, or is not yours.' in result.err
        result = cli("pause")
        assert result.code == 1
        assert "Permission denied" in result.err
        assert "indexjob_operator" in result.err
    finally:
        monkeypatch.delenv("PGOPTIONS")
        admin.execute("DROP OWNED BY cli_producer; DROP ROLE cli_producer")


def test_wait_shows_the_reason_of_a_failure_and_fails(cli: Cli, queue: Queue) -> None:
    queue.fail(queue.enqueue(idempotency_key="k"))
    result = cli("enqueue", URL, "--idempotency-key", "k", "--wait")
    assert result.code == 1
    assert "failed: PermanentError: RevisionNotFound: there is no such branch" in result.err
    result = cli("enqueue", URL, "--idempotency-key", "k", "--wait", "-o", "json")
    assert result.code == 1
    assert result.json["reason"] == "PermanentError"


def test_here_is_the_repository_around(repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (repository / "deep/er").mkdir(parents=True)
    monkeypatch.chdir(repository / "deep/er")
    assert repositories.here() == str(repository)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(repositories.NotARepositoryError, match="in no git repository"):
        repositories.here()
