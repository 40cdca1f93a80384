"""What makes reading fast at millions of rows: a predicate on a view reaches the index of the table under it. Judged by plan, not by clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

BULK = {"symbol", "reference", "manifest_file", "dependency", "content"}

# 100 repositories of 100 files with 10 symbols, 20 references and one dependency each; every name occurs in many files. Without the triggers that bind a worker.
FILL = """
SET session_replication_role = replica;
INSERT INTO indexjob.repository (tenant, url) SELECT 'default', 'https://example.org/r/' || g FROM generate_series(1, 100) g;
INSERT INTO indexjob.content (unused_since, size, extractor_version, lines, symbols, symbol_references, status, tenant, language, blob_sha, imports_digest)
    SELECT NULL, 1, 1, 1, 10, 20, 'ok', 'default', 'python', int8send(g), '' FROM generate_series(1, 10000) g;
INSERT INTO indexjob.symbol
    SELECT f, o, nullif(o - 1, -1), o, 0, o, 'function', true, 'name_' || (f * 7 + o * 13) % 5000, '', ''
    FROM generate_series(1, 10000) f, generate_series(0, 9) o;
INSERT INTO indexjob.reference SELECT f, o, 0, o % 10, NULL, NULL, 'call', 'name_' || (f * 7 + o * 13) % 5000
    FROM generate_series(1, 10000) f, generate_series(0, 19) o;
INSERT INTO indexjob.manifest (tenant, hash) SELECT 'default', int8send(g) FROM generate_series(1, 100) g;
INSERT INTO indexjob.manifest_file SELECT 1 + f / 100, f, 1, 'ok', 0, 'src/' || f || '.py' FROM generate_series(1, 9999) f;
INSERT INTO indexjob.graph (tenant, hash) SELECT 'default', int8send(g) FROM generate_series(1, 100) g;
INSERT INTO indexjob.dependency SELECT 1 + f / 100, 'internal', 'src/' || f || '.py', 'src/' || f / 100 || '.py', 'x' FROM generate_series(1, 9999) f;
INSERT INTO indexjob.snapshot (repository_id, manifest_id, graph_id, extractor_version, commit, limits, selection)
    SELECT g, g, g, 1, 'c', '', '' FROM generate_series(1, 100) g;
INSERT INTO indexjob.publication SELECT g, g, now(), true, 'HEAD' FROM generate_series(1, 100) g;
ANALYZE;
"""


@pytest.fixture(scope="module")
def filled(server: str, template: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {template}_plans TEMPLATE {template}")
        with psycopg.connect(
            psycopg.conninfo.make_conninfo(server, dbname=f"{template}_plans"), autocommit=True
        ) as connection:
            connection.execute(FILL)
            connection.execute("SET ROLE indexjob_operator")
            yield connection
        admin.execute(f"DROP DATABASE {template}_plans WITH (FORCE)")


def scans(plan: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(table, how it is read, by which condition) of each scan in a plan."""
    if "Relation Name" in plan:
        condition = plan.get("Index Cond", "") or "".join(c.get("Index Cond", "") for c in plan.get("Plans", ()))
        yield plan["Relation Name"], plan["Node Type"], condition
    for child in plan.get("Plans", ()):
        yield from scans(child)


@pytest.mark.parametrize(
    ("view", "predicate", "table", "condition"),
    [
        ("symbols", "name = 'name_7'", "symbol", "(name = 'name_7'::text)"),
        ("symbols", "name = 'name_7' AND repository = 'https://example.org/r/5'", "symbol", "name_7"),
        ("symbols", "repository = 'https://example.org/r/5' AND path = 'src/450.py'", "manifest_file", "src/450.py"),
        ("symbols", "repository = 'https://example.org/r/5' AND path = 'src/450.py'", "symbol", "content_id ="),
        ("symbol_references", "name = 'name_7'", "reference", "(name = 'name_7'::text)"),
        (
            "symbol_references",
            "repository = 'https://example.org/r/5' AND path = 'src/450.py'",
            "reference",
            "content_id =",
        ),
        (
            "dependencies",
            "repository = 'https://example.org/r/5' AND path = 'src/450.py'",
            "dependency",
            "path = 'src/450.py'",
        ),
        (
            "dependencies",
            "repository = 'https://example.org/r/5' AND target_path = 'src/4.py'",
            "dependency",
            "target_path = 'src/4.py'",
        ),
        ("files", "repository = 'https://example.org/r/5'", "manifest_file", "manifest_id ="),
    ],
)
def test_a_predicate_on_a_view_reaches_the_index(filled, view: str, predicate: str, table: str, condition: str) -> None:
    plan = filled.execute(f"EXPLAIN (FORMAT json) SELECT * FROM indexjob.{view} WHERE {predicate}").fetchone()[0][0][
        "Plan"
    ]
    found = list(scans(plan))
    assert any(name == table and condition in how for name, _, how in found), found
    assert [name for name, kind, _ in found if kind == "Seq Scan" and name in BULK] == []


@pytest.mark.parametrize(
    "call",
    [
        "find_definitions('name_7')",
        "find_definitions('name_7', 'https://example.org/r/1')",
        "find_references('name_7')",
        "find_references('name_7', 'https://example.org/r/1')",
        "search_symbols('NAME_70')",
        "search_symbols('NAME_7', 'https://example.org/r/1')",
        "dependents('https://example.org/r/5', 'src/4.py')",
    ],
)
def test_a_function_reads_no_table_from_end_to_end(filled, call: str) -> None:
    """Also when it has been called so often that its plans are kept."""
    tables = "SELECT sum(seq_scan) FROM pg_stat_user_tables WHERE schemaname = 'indexjob' AND relname = ANY (%s)"

    def sequential() -> int:
        filled.execute("SELECT pg_stat_force_next_flush()")
        return filled.execute(tables, [list(BULK)]).fetchone()[0]

    before = sequential()
    for _ in range(8):
        assert filled.execute(f"SELECT count(*) FROM indexjob.{call}").fetchone()[0] > 0
    assert sequential() == before
