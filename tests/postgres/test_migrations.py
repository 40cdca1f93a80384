"""Making and upgrading the schema."""

from __future__ import annotations

import threading

import psycopg
import pytest

from indexjob import migrations
from indexjob.migrations import SchemaVersionError


def test_eight_that_migrate_at_once_do_it_once(empty_database: str) -> None:
    start, ran, errors = threading.Barrier(8), [], []

    def migrate() -> None:
        with psycopg.connect(empty_database, autocommit=True) as connection:
            start.wait()
            try:
                ran.append(migrations.migrate(connection))
            except psycopg.Error as error:
                errors.append(error)

    threads = [threading.Thread(target=migrate) for _ in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert errors == []
    names = [script.name for script in migrations.migrations()]
    assert sorted(ran) == [[]] * 7 + [names]


def test_one_that_dies_in_the_middle_leaves_nothing(empty_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = [*migrations.migrations(), migrations.Script(99, "0099_broken.sql", "SELECT 1/0")]
    monkeypatch.setattr(migrations, "migrations", lambda: broken)
    with psycopg.connect(empty_database, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            migrations.migrate(connection)
        assert connection.execute("SELECT to_regnamespace('indexjob')").fetchone() == (None,)


def test_functions_and_views_are_applied_again_and_keep_the_data(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("SELECT indexjob.enqueue('https://example.org/a')")
        connection.execute(
            "CREATE OR REPLACE FUNCTION indexjob.languages() RETURNS text[] LANGUAGE sql IMMUTABLE AS $$ SELECT ARRAY['old'] $$"
        )
        assert migrations.migrate(connection) == []
        assert "python" in connection.execute("SELECT indexjob.languages()").fetchone()[0]  # type: ignore[index]
        assert connection.execute("SELECT count(*) FROM indexjob.jobs").fetchone() == (1,)


def test_each_version_says_what_to_do_about_another(database: str, empty_database: str) -> None:
    with (
        psycopg.connect(empty_database, autocommit=True) as connection,
        pytest.raises(SchemaVersionError, match="indexjob migrate"),
    ):
        migrations.check_version(connection)
    with psycopg.connect(database, autocommit=True) as connection:
        migrations.check_version(connection)
        connection.execute("DELETE FROM indexjob.migrations WHERE version > 1")
        with pytest.raises(SchemaVersionError, match="needs"):
            migrations.check_version(connection)
        connection.execute("INSERT INTO indexjob.migrations (version, name, checksum) VALUES (900, 'x', 'x')")
        migrations.check_version(connection)  # a newer schema that took nothing away yet
        connection.execute("UPDATE indexjob.migrations SET contracts_after = 2 WHERE version = 900")
        with pytest.raises(SchemaVersionError, match="too new"):
            migrations.check_version(connection)
        with pytest.raises(SchemaVersionError, match="newer indexjob"):
            migrations.migrate(connection)


def test_the_languages_that_a_request_may_name_are_those_of_the_worker(database: str) -> None:
    from indexjob_worker.languages import LANGUAGES

    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT indexjob.languages()").fetchone() == (sorted(LANGUAGES),)
