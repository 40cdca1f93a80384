"""`up` and `demo`: real processes, the real dispatcher, real workers."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Queue

PROGRAM = [sys.executable, "-c", "from indexjob.cli import main; main()"]


@pytest.fixture
def environment(database: str, tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "INDEXJOB_DATABASE_URL": database, "XDG_CACHE_HOME": str(tmp_path / "cache")}


def call(
    environment: dict[str, str], *arguments: object, cwd: Path | None = None, seconds: float = 300
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*PROGRAM, *map(str, arguments)],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


@pytest.fixture
def background(environment: dict[str, str]) -> Iterator[Any]:
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*PROGRAM, *map(str, arguments)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def until(condition: Any, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


def test_up_once_runs_what_there_is_and_tells_each_transition(environment: dict[str, str], repository: Path) -> None:
    asked = call(environment, "enqueue", repository, "--revision", "no-such-branch").stdout.strip()
    done = call(environment, "up", "--once")
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["job"]["id"] for line in told} == {asked}
    actions = [line["action"] for line in told]
    assert actions[0] in {"job-launching", "job-running"}
    assert actions[-1] == "job-failed"
    assert "no-such-branch" in told[-1]["job"]["message"] or "RevisionNotFound" in told[-1]["job"]["message"]
    waited = call(environment, "enqueue", repository, "--revision", "no-such-branch", "--idempotency-key", "k")
    assert waited.returncode == 0


def test_up_once_with_nothing_to_do_ends(environment: dict[str, str]) -> None:
    done = call(environment, "up", "--once")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("once", [(), ("--once",)])
@pytest.mark.parametrize("role", ["worker", "producer", "reader"])
def test_who_may_not_run_jobs_is_told_so_at_once(
    environment: dict[str, str], admin: psycopg.Connection[Any], once: tuple[str, ...], role: str
) -> None:
    admin.execute('DROP ROLE IF EXISTS "cli-stranger"')
    admin.execute(f'CREATE ROLE "cli-stranger" IN ROLE indexjob_{role}'.encode())
    try:
        done = call({**environment, "PGOPTIONS": "-c role=cli-stranger"}, "up", *once, seconds=30)
    finally:
        admin.execute('DROP ROLE "cli-stranger"')
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith('Error: The login "cli-stranger" may not run index jobs.\n')
    assert 'GRANT indexjob_operator TO "cli-stranger"' in done.stderr
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_leaves_in_order(
    background: Any, queue: Queue, admin: psycopg.Connection[Any], number: signal.Signals
) -> None:
    admin.execute("SELECT indexjob.renew_lease(%s, '0')", [queue.epoch])
    running = background("up")
    until(lambda: admin.execute("SELECT 1 FROM indexjob.lease WHERE expires_at > now()").fetchone())
    running.send_signal(number)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 0, err
    assert "Stopping" in err
    assert admin.execute("SELECT 1 FROM indexjob.lease WHERE expires_at > now()").fetchone() is None


def test_enqueue_wait_beside_up_shows_why_it_failed(
    background: Any, environment: dict[str, str], repository: Path
) -> None:
    background("up")
    done = call(environment, "enqueue", repository, "--revision", "no-such-branch", "--wait")
    assert done.returncode == 1
    assert "failed" in done.stderr
    assert "RevisionNotFound" in done.stderr
    assert done.stdout == ""


def test_demo_of_a_missing_revision_fails_in_a_sentence(environment: dict[str, str], repository: Path) -> None:
    done = call(environment, "demo", repository, "--revision", "no-such-branch", "-o", "json")
    assert done.returncode == 1
    assert "RevisionNotFound" in done.stderr
    found = json.loads(done.stdout)
    assert (found["state"], found["summary"]) == ("failed", None)
    assert len(found["attempts_made"]) == 1


def test_demo_where_there_is_no_repository(environment: dict[str, str], tmp_path: Path) -> None:
    done = call(environment, "demo", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "You are in no git repository" in done.stderr


def test_on_a_terminal_it_shows_steps_and_bars(environment: dict[str, str], repository: Path) -> None:
    screen = on_a_terminal(environment, "demo", repository, "--revision", "no-such-branch")
    assert "▶" in screen or "·" in screen
    assert "dependencies" in screen
    screen = on_a_terminal(environment, "watch", json.loads(call(environment, "list", "-o", "json").stdout)[0]["id"])
    assert "100%" in screen
    assert "failed (" in screen


def on_a_terminal(environment: dict[str, str], *arguments: object) -> str:
    """All that the program wrote to a terminal, without escape sequences."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        env={**environment, "TERM": "xterm", "COLUMNS": "150"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    written = b""
    try:
        while chunk := os.read(ours, 65536):
            written += chunk
    except OSError:  # the other side is closed
        pass
    os.close(ours)
    process.wait(240)
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", written.decode())


def test_the_embedded_postgres_comes_and_goes_with_the_command(environment: dict[str, str], repository: Path) -> None:
    """Without a named database: made, migrated, open to local repositories, stopped at the end; also when the end is a SIGTERM."""
    place = Path(tempfile.mkdtemp(prefix="ij-data-"))
    place.chmod(0o711)
    here = {name: value for name, value in environment.items() if name != "INDEXJOB_DATABASE_URL"} | {
        "XDG_DATA_HOME": str(place)
    }
    pid_file = place / "indexjob/postgres/server/data/postmaster.pid"
    try:
        asked = call(here, "enqueue", repository)
        assert asked.returncode == 0, asked.stderr
        assert not pid_file.exists()
        watching = subprocess.Popen(
            [*PROGRAM, "watch"], env=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert watching.stderr is not None
        assert "queued" in watching.stderr.readline()
        assert pid_file.exists()
        watching.terminate()
        watching.communicate(timeout=240)
        assert watching.returncode == 143
        assert not pid_file.exists()
        listed = call(here, "list", "-o", "json")
        assert [job["id"] for job in json.loads(listed.stdout)] == [asked.stdout.strip()]
    finally:
        shutil.rmtree(place)


def test_without_git_it_says_so(environment: dict[str, str], repository: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, "up", "--once"],
        env=environment | {"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "git is not on the PATH" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("module", ["tree_sitter", "pathspec"])
def test_without_the_extra_it_says_what_to_install(environment: dict[str, str], repository: Path, module: str) -> None:
    hidden = f"import sys; sys.modules[{module!r}] = None; from indexjob.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", hidden, "demo", repository], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "pip install 'indexjob[local]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_needs_neither_a_database_nor_its_library() -> None:
    program = "import sys; from indexjob.cli.main import assemble; assemble(); print([n for n in ('psycopg', 'rich', 'pydantic', 'kopf') if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
    done = subprocess.run(
        [*PROGRAM, "--help"],
        env={**os.environ, "INDEXJOB_DATABASE_URL": "nonsense"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    for command in ("demo", "up", "enqueue", "watch", "health"):
        assert command in done.stdout


def test_completion_completes_commands() -> None:
    script = subprocess.run(
        [*PROGRAM],
        env={**os.environ, "_INDEXJOB_COMPLETE": "complete_bash", "COMP_WORDS": "indexjob en", "COMP_CWORD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert script.stdout.split() == ["enqueue"]


def test_demo_indexes_the_repository_that_one_stands_in(environment: dict[str, str], repository: Path) -> None:
    done = call(environment, "demo", cwd=repository)
    assert done.returncode == 0, done.stderr
    for told in ("python", "Try next", "indexjob stats"):
        assert told in done.stdout
    assert "clone" in done.stderr


def test_demo_again_says_that_nothing_changed_and_shows_the_index(
    environment: dict[str, str], repository: Path
) -> None:
    assert call(environment, "demo", repository).returncode == 0
    again = call(environment, "demo", repository, "-o", "json")
    assert again.returncode == 0, again.stderr
    found = json.loads(again.stdout)
    assert found["state"] == "skipped"
    assert found["summary"]["languages"][0]["language"] == "python"
    assert found["attempts_made"]
