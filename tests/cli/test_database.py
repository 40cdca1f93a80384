"""Which database, and what is said when it can't be used."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import ANY

import psycopg
import pytest
from psycopg import conninfo, sql

from indexjob import embedded, migrations
from indexjob.database import place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Cli, Queue

SECRET = "hunter2"


@pytest.fixture
def on(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call it on another database."""

    def call(url: str, *arguments: str) -> Any:
        monkeypatch.setenv("INDEXJOB_DATABASE_URL", url)
        return cli(*arguments)

    return call


def test_nobody_is_there(on: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening
        port = taken.getsockname()[1]
        result = on(f"postgresql://me:{SECRET}@127.0.0.1:{port}/app", "list")
    assert result.code == 1
    assert f"No Postgres is listening at 127.0.0.1:{port}/app." in result.err
    assert SECRET not in result.err


def test_no_such_host(on: Any) -> None:
    result = on(f"postgresql://me:{SECRET}@no-such-host.invalid/app", "list")
    assert result.code == 1
    assert "No machine has the name" in result.err
    assert SECRET not in result.err


def test_nobody_answers(on: Any) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        result = on(f"postgresql://me:{SECRET}@127.0.0.1:{silent.getsockname()[1]}/app?connect_timeout=2", "list")
    assert result.code == 1
    assert "does not answer" in result.err
    assert SECRET not in result.err


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{SECRET}%zz@host/app",
        f"me:{SECRET}@host",
        f"host=h password='{SECRET}",
        f"mysql://me:{SECRET}@h/x",
    ],
)
def test_no_connection_string_is_never_repeated(on: Any, url: str) -> None:
    result = on(url, "list")
    assert result.code == 1
    assert "INDEXJOB_DATABASE_URL holds is no connection string" in result.err
    assert SECRET not in result.err


def test_no_such_database(on: Any, database: str) -> None:
    result = on(conninfo.make_conninfo(database, dbname="no_such_database"), "list")
    assert result.code == 1
    assert "has no database" in result.err


def test_the_wrong_password_and_the_wrong_user(on: Any) -> None:
    """On a server that asks for one."""
    place = Path(tempfile.mkdtemp(prefix="ij-password-"))
    place.chmod(0o711)
    try:
        with embedded.running(place / "pg") as dsn:
            rules = place / "pg/server/data/pg_hba.conf"
            rules.write_text(f"local all secretive scram-sha-256\nlocal all uninvited reject\n{rules.read_text()}")
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute("CREATE ROLE secretive LOGIN PASSWORD 'right'")
                connection.execute("SELECT pg_reload_conf()")
            for user, password, sentence in (
                ("secretive", SECRET, "does not accept this user and password"),
                ("secretive", "", "does not accept this user and password"),
                ("uninvited", SECRET, "does not let this user in"),
            ):
                result = on(conninfo.make_conninfo(dsn, user=user, password=password), "list")
                assert result.code == 1
                assert sentence in result.err
                assert SECRET not in result.err
    finally:
        shutil.rmtree(place)


def test_a_file_can_name_the_database(cli: Cli, database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INDEXJOB_DATABASE_URL", "host=nowhere.invalid")
    (tmp_path / "url").write_text(f"{database}\n")
    assert cli("list", "-o", "json", "--database-url-file", tmp_path / "url").json == []
    monkeypatch.setenv("INDEXJOB_DATABASE_URL_FILE", str(tmp_path / "url"))
    assert cli("list", "-o", "json").json == []
    for name, content in (("missing", None), ("empty", "\n")):
        if content is not None:
            (tmp_path / name).write_text(content)
        result = cli("list", "--database-url-file", tmp_path / name)
        assert result.code == 1
        assert str(tmp_path / name) in result.err


def test_what_to_check_is_where_the_url_came_from(cli: Cli, tmp_path: Path, on: Any) -> None:
    """In a pod nobody set a variable: it is a key of a Secret that is wrong."""
    (tmp_path / "migrate-url").write_text("postgresql://me@127.0.0.1:1/app")
    result = cli("list", "--database-url-file", tmp_path)
    assert "No Postgres is listening" in result.err
    assert f"check {tmp_path}/migrate-url" in " ".join(result.err.split())
    assert "check INDEXJOB_DATABASE_URL" in " ".join(on("postgresql://me@127.0.0.1:1/app", "list").err.split())


def test_a_mounted_secret_can_name_the_database(cli: Cli, database: str, tmp_path: Path) -> None:
    """The first of its keys that is there; none of what they hold is repeated."""
    result = cli("list", "--database-url-file", tmp_path)
    assert result.code == 1
    assert "has none of its keys" in result.err
    (tmp_path / "url").write_text(f"host=nowhere.invalid password={SECRET}")
    assert SECRET not in cli("list", "--database-url-file", tmp_path).err
    (tmp_path / "operator-url").write_text(database)
    (tmp_path / "migrate-url").write_text("")
    assert cli("list", "-o", "json", "--database-url-file", tmp_path).json == [], "an empty key is passed over"
    (tmp_path / "operator-url").write_text("")
    (tmp_path / "url").unlink()
    assert f"{tmp_path}/migrate-url" in cli("list", "--database-url-file", tmp_path).err


def test_migrate_can_wait_for_what_is_missing(empty_database: str, tmp_path: Path) -> None:
    """Each reason is told once; when the last cause is gone it ends well."""
    command = [sys.executable, "-c", "from indexjob.cli.main import main; main()", "migrate", "--wait"]
    environment = os.environ | {"INDEXJOB_DATABASE_URL_FILE": str(tmp_path)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        assert "has none of its keys" in process.stderr.readline()
        (tmp_path / "url").write_text(f"postgresql://me:{SECRET}@no-such-host.invalid/app")
        assert "No machine has the name" in process.stderr.readline()
        (tmp_path / "migrate-url").write_text(empty_database)
        said = process.stderr.read()
    assert (process.returncode, "is at version" in said, SECRET in said) == (0, True, False)


@pytest.mark.parametrize("arguments", [["list"], ["enqueue", "https://example.org/x"], ["symbols", "x"], ["stats"]])
def test_a_database_without_our_schema(on: Any, empty_database: str, arguments: list[str]) -> None:
    result = on(empty_database, *arguments)
    assert (result.code, result.out) == (1, "")
    assert "no IndexJob schema" in result.err
    assert "indexjob migrate" in result.err


def test_migrate_makes_it_and_says_so_again(on: Any, empty_database: str) -> None:
    first = on(empty_database, "migrate", "-o", "json").json
    assert first["applied"] == [script.name for script in migrations.migrations()]
    assert on(empty_database, "migrate", "-o", "json").json == {**first, "applied": []}
    assert on(empty_database, "list", "-o", "json").json == []


@pytest.fixture
def login(empty_database: str) -> Iterator[Callable[..., str]]:
    """A URL of that database for a new role with these attributes."""
    names: list[sql.Identifier] = []

    def make(name: str, attributes: str = "") -> str:
        names.append(sql.Identifier(name))
        server.execute(sql.SQL("CREATE ROLE {} LOGIN " + attributes).format(names[-1]))
        return conninfo.make_conninfo(empty_database, user=name)

    with psycopg.connect(empty_database, autocommit=True) as server:
        yield make
        for name in reversed(names):
            server.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(name))
            server.execute(sql.SQL("DROP ROLE {}").format(name))


def test_who_may_not_migrate_is_told_what_to_run(on: Any, empty_database: str, login: Callable[..., str]) -> None:
    """What it says is run, word for word, and then it can be done."""
    url = login("new-migrator")
    said = " ".join(on(url, "migrate").err.split())
    assert "permission denied for database" in said.lower()
    assert '"new-migrator" would own the schema' in said
    commands = said.partition("An administrator runs: ")[2]
    assert commands.startswith(f'GRANT CREATE ON DATABASE {conninfo.conninfo_to_dict(empty_database)["dbname"]} TO "')
    with psycopg.connect(empty_database, autocommit=True) as administrator:
        administrator.execute(commands.encode())
    assert on(url, "migrate").code == 0


def test_of_what_is_needed_only_what_is_lacking_is_told(
    on: Any, empty_database: str, login: Callable[..., str]
) -> None:
    url = login("new_migrator")
    name = str(conninfo.conninfo_to_dict(empty_database)["dbname"])
    with psycopg.connect(empty_database, autocommit=True) as administrator:
        administrator.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO new_migrator").format(sql.Identifier(name)))
    said = " ".join(on(url, "migrate").err.split())
    assert said.endswith("An administrator runs: ALTER ROLE new_migrator CREATEROLE;")


def test_who_may_not_migrate_is_told_whose_the_schema_is(on: Any, login: Callable[..., str]) -> None:
    """With and without rights of its own: more of them would not do."""
    owner, others = login("schema_owner", "SUPERUSER"), (login("not_owner"), login("not_owner_either", "CREATEROLE"))
    assert on(owner, "migrate").code == 0
    for url in others:
        result = on(url, "migrate")
        said = " ".join(result.err.split())
        assert result.code == 1
        assert (
            "The schema indexjob belongs to the role schema_owner: migrate with its login instead of not_owner" in said
        )
        assert "GRANT" not in said
        assert "indexjob_reader looks" not in said


def test_an_older_or_newer_schema(cli: Cli, admin: psycopg.Connection[Any]) -> None:
    latest = migrations.latest_version()
    admin.execute(
        "INSERT INTO indexjob.migrations (version, name, checksum, contracts_after) VALUES (%s, 'x', 'x', NULL)",
        [latest + 1],
    )
    assert cli("list").code == 0
    assert cli("migrate", "-o", "json").json == {"database": ANY, "version": latest + 1, "applied": []}
    admin.execute("UPDATE indexjob.migrations SET contracts_after = %s WHERE version = %s", [latest, latest + 1])
    newer = cli("list")
    assert newer.code == 1
    assert "too new for this release" in newer.err
    assert "too new for this release" in cli("migrate").err
    admin.execute("DELETE FROM indexjob.migrations WHERE version >= %s", [latest])
    older = cli("list")
    assert older.code == 1
    assert f"version {latest - 1}, this release needs {latest}" in older.err


def test_health_says_what_is_wrong(
    cli: Cli, on: Any, admin: psycopg.Connection[Any], empty_database: str, database: str
) -> None:
    def checks() -> dict[str, bool]:
        return {check["name"]: check["ok"] for check in cli("health", "-o", "json").json["checks"]}

    assert checks() == {"database": True, "schema": True, "leader": False, "claiming": True, "stuck": True}
    assert cli("health").code == 1
    assert "indexjob up" in cli("health").out
    admin.execute("SELECT indexjob.acquire_lease('someone', '1 hour')")
    assert checks()["leader"]
    assert cli("health").code == 0
    result = on(empty_database, "health", "-o", "json")
    assert result.code == 1
    assert [check["ok"] for check in result.json["checks"]] == [True, False]
    result = on(f"postgresql://me:{SECRET}@no-such-host.invalid/app", "health", "-o", "json")
    assert result.code == 1
    assert result.json["ok"] is False
    assert SECRET not in result.out


@pytest.mark.parametrize("role", ["producer", "reader", "operator", "worker"])
def test_health_is_not_well_for_who_cannot_look(
    cli: Cli, admin: psycopg.Connection[Any], role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin.execute("DROP ROLE IF EXISTS cli_looker")
    admin.execute(f"CREATE ROLE cli_looker IN ROLE indexjob_{role}".encode())
    monkeypatch.setenv("PGOPTIONS", "-c role=cli_looker")
    try:
        before = cli("health", "-o", "json")
        admin.execute("SELECT indexjob.acquire_lease('someone', '1 hour'), indexjob.pause()")
        after = cli("health", "-o", "json")
    finally:
        monkeypatch.delenv("PGOPTIONS")
        admin.execute("DROP ROLE cli_looker")
    told = {check["name"]: (check["ok"], check["detail"]) for check in after.json["checks"]}
    assert before.code == 1
    if role == "worker":
        assert after.code == 1
        assert [told[name][0] for name in ("leader", "claiming", "stuck")] == [False] * 3
        assert told["leader"][1].startswith("Not looked at")
    else:
        assert after.code == 0
        assert told["leader"] == (True, "someone leads" if role == "operator" else "a dispatcher leads")
        assert "paused" in told["claiming"][1]


def test_health_finds_what_is_stuck(cli: Cli, queue: Queue) -> None:
    job = queue.enqueue()
    queue.run(job)
    assert cli("health").code == 0
    queue.one(
        "UPDATE indexjob.index_jobs SET started_at = now() - interval '1 hour', launched_at = now() - interval '1 hour' WHERE id = %s RETURNING 1",
        job,
    )
    result = cli("health")
    assert result.code == 1
    assert f"1, the longest is {str(job)[:8]}" in result.out
    assert "no sign of life" in result.out


def test_pause_stops_claiming_until_unpause(cli: Cli, queue: Queue) -> None:
    job = queue.enqueue()
    assert cli("pause", "-o", "json").json == {"claiming_paused": True}
    with pytest.raises(KeyError):
        queue.launch(job)
    assert "paused" in cli("health").out
    assert cli("unpause").code == 0
    queue.launch(job)


def test_the_connection_that_breaks_off_is_one_sentence(
    cli: Cli, queue: Queue, database: str, admin: psycopg.Connection[Any]
) -> None:
    import threading
    import time

    queue.enqueue()

    def cut() -> None:
        time.sleep(1.5)
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'indexjob' AND datname = current_database()"
        )

    thread = threading.Thread(target=cut)
    thread.start()
    result = cli("watch")
    thread.join()
    assert result.code == 1
    assert "broke off" in result.err


def test_where_it_is_holds_neither_user_nor_password() -> None:
    assert place(f"postgresql://me:{SECRET}@db.example.org:5433/app?application_name=x") == "db.example.org:5433/app"
    assert place(f"host=/run/pg dbname=app user=me password={SECRET}") == "/run/pg/app"
