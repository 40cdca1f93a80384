"""The questions with which `enqueue` lets common requests through are never laxer than the rules behind them."""

from __future__ import annotations

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PIECES = st.sampled_from(
    [
        "https://",
        "HTTPS://",
        "http://",
        "ssh://",
        "a",
        "A",
        "0",
        ".",
        "..",
        "/",
        "//",
        "-",
        "_",
        "~",
        "+",
        ":443",
        ":",
        "@",
        "?",
        "#",
        "%20",
        ".git",
        ".GIT",
        "git",
        "é",
        "example.org",
        "/team",
        "[::1]",
        "\\",
        "\n",
    ]
)
REVISIONS = st.sampled_from(
    [
        "main",
        "HEAD",
        "v1",
        ".",
        "..",
        "/",
        "//",
        "-",
        "_",
        "@{",
        "~",
        "^",
        ":",
        "?",
        "*",
        "[",
        "\\",
        "\n",
        ".lock",
        "lock",
        "refs/heads/",
        "é",
        "+",
        "#",
        "",
    ]
)
BRIEFLY = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def connection(database: str):
    with psycopg.connect(database) as connection:
        yield connection


def told(connection: psycopg.Connection, *queries: tuple[str, object]) -> object:
    """What the last query gives, or the sentence with which one of them refuses."""
    try:
        with connection.transaction(force_rollback=True):
            for query, value in queries:
                found = connection.execute(query, {"it": value}).fetchone()
            return found
    except psycopg.Error as error:
        return error.diag.message_primary


@BRIEFLY
@given(
    url=st.one_of(
        st.lists(PIECES, max_size=8).map("".join),
        st.lists(PIECES, max_size=6).map(lambda p: "https://example.org/" + "".join(p)),
    )
)
def test_what_is_taken_for_normal_is_what_normalising_gives(connection: psycopg.Connection, url: str) -> None:
    rule = told(
        connection,
        ("SELECT indexjob.check_request(indexjob.normalize_repository(%(it)s), 'HEAD', 3, 'default', '{}')", url),
        ("SELECT indexjob.normalize_repository(%(it)s), btrim(%(it)s, E' \\t\\r\\n')", url),
    )
    stored = told(
        connection,
        ("SELECT indexjob.enqueue(%(it)s)", url),
        ("SELECT repository, clone_url FROM indexjob.index_jobs", None),
    )
    assert stored == rule


@BRIEFLY
@given(revision=st.lists(REVISIONS, max_size=6).map("".join))
def test_what_is_taken_for_a_plain_revision_is_one(connection: psycopg.Connection, revision: str) -> None:
    rule = told(connection, ("SELECT indexjob.check_request('https://a/b', %(it)s, 3, 'default', '{}')", revision))
    stored = told(
        connection,
        ("SELECT indexjob.enqueue('https://a/b', %(it)s)", revision),
        ("SELECT revision FROM indexjob.index_jobs", None),
    )
    assert stored == (rule if isinstance(rule, str) else (revision,))


@pytest.mark.parametrize("length", [1999, 2000, 2001])
def test_a_long_url_is_refused_either_way(connection: psycopg.Connection, length: int) -> None:
    stored = told(connection, ("SELECT indexjob.enqueue(%(it)s)", "https://example.org/".ljust(length, "x")))
    assert (stored == "the repository's URL is longer than 2000 characters") == (length > 2000)
