"""Generated files are what would be generated; the schema dump is the schema."""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg
import pytest

TOP = Path(__file__).parents[2]
sys.path.insert(0, str(TOP))

from generate import cli_page, crd, schema_dump  # noqa: E402


def test_the_page_of_the_command_line_is_that_of_the_commands() -> None:
    assert (TOP / cli_page.PATH).read_text() == cli_page.render(), "run: make generate"


def test_the_resource_definition_is_that_of_the_models() -> None:
    assert (TOP / crd.PATH).read_text() == crd.render(), "run: make generate"


@pytest.fixture
def same_server(server: str) -> None:
    with psycopg.connect(server) as connection:
        if connection.info.server_version // 10000 != 18:
            pytest.skip("the dump is made with Postgres 18, which words some things differently")


@pytest.mark.usefixtures("same_server")
def test_the_schema_dump_is_the_migrated_schema(database: str) -> None:
    assert (TOP / schema_dump.PATH).read_text() == schema_dump.dump(database), "run: make generate"


@pytest.mark.usefixtures("same_server", "template")
def test_the_dump_applied_to_an_empty_database_is_the_migrated_schema(empty_database: str) -> None:
    text = (TOP / schema_dump.PATH).read_text()
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute(text.encode())
    assert schema_dump.dump(empty_database) == text
