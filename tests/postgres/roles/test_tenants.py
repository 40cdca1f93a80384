"""No tenant reads, cancels, retries, suspends or resumes another's, whatever its login sets, creates or becomes."""

from __future__ import annotations

from uuid import UUID

import psycopg
import pytest
from psycopg import errors, sql

from tests.postgres.queue.leading import Leader
from tests.postgres.roles.conftest import Login

PRODUCER, READER = "indexjob_producer", "indexjob_reader"
VIEWS = ("jobs", "attempts", "summary", "stuck", "recent_failures", "durations", "batches", "waiting")
REPO = "https://example.org/x"


@pytest.fixture
def blue(leader: Leader) -> dict[str, UUID]:
    """Jobs of the other tenant: in every state that can be steered, and something to see in each view."""
    ids = {state: leader.enqueue(state, tenant="blue", batch="b") for state in ("failed", "running")}
    leader.claim()
    for job in ids.values():
        token = leader.value("SELECT indexjob.launch_token(%s, 1)", job)
        leader.value("SELECT indexjob.start_attempt(%s, 1, %s, 'u', 'p', 'n')", job, token)
    leader.finish(ids["failed"])
    leader.value("SELECT indexjob.record_running(%s, %s, 1)", leader.epoch, ids["running"])
    leader.connection.execute(
        "UPDATE indexjob.index_jobs SET created_at = created_at - interval '1 hour', started_at = started_at - interval '1 hour',"
        " launched_at = launched_at - interval '1 hour'"
    )
    for state, function in (("suspended", "suspend"), ("cancelled", "cancel")):
        ids[state] = leader.enqueue(state, tenant="blue")
        leader.value(f"SELECT indexjob.{function}(%s)", ids[state])
    ids["queued"] = leader.enqueue("queued", tenant="blue")
    leader.value("SELECT indexjob.intake(10)")
    return ids


def seen(connection: psycopg.Connection) -> set[str]:
    return {
        view
        for view in VIEWS
        if connection.execute(sql.SQL("SELECT FROM indexjob.{} LIMIT 1").format(sql.Identifier(view))).fetchone()
        is not None
    }


def test_each_tenant_sees_its_own_in_every_view_and_nothing_else(login: Login, blue: dict[str, UUID]) -> None:
    for role in (PRODUCER, READER):
        assert seen(login(role, "blue")) == set(VIEWS)
        assert seen(login(role, "red")) == set()
        assert seen(login(role)) == set()
        both = login(role, "blue", "red")
        assert both.execute("SELECT count(*) FROM indexjob.jobs").fetchone() == (len(blue),)


def test_no_tenant_steers_anothers(login: Login, blue: dict[str, UUID], leader: Leader) -> None:
    red = login(PRODUCER, "red")
    before = leader.connection.execute("SELECT * FROM indexjob.index_jobs ORDER BY seq").fetchall()
    for function in ("cancel", "retry", "suspend", "resume"):
        for job in blue.values():
            with pytest.raises(errors.NoDataFound, match=r"there is no index job .*, or it is not yours"):
                red.execute(f"SELECT indexjob.{function}(%s)", (job,))
    for job in blue.values():
        with pytest.raises(errors.NoDataFound, match=r"there is no index job .*, or it is not yours"):
            red.execute("SELECT indexjob.revise(%s, '{\"priority\": 9}')", (job,))
    assert red.execute("SELECT indexjob.redrive()").fetchone() == (0,)
    assert red.execute("SELECT indexjob.redrive(tenant => 'blue')").fetchone() == (0,)
    with pytest.raises(errors.InsufficientPrivilege, match="does not exist, or is not yours"):
        red.execute("SELECT indexjob.enqueue(%s, tenant => 'blue')", (REPO,))
    with pytest.raises(errors.InsufficientPrivilege, match="does not exist, or is not yours"):
        red.execute("SELECT indexjob.enqueue(%s, tenant => 'no-such-tenant')", (REPO,))
    assert leader.connection.execute("SELECT * FROM indexjob.index_jobs ORDER BY seq").fetchall() == before


def test_each_tenant_steers_its_own(login: Login, blue: dict[str, UUID]) -> None:
    own = login(PRODUCER, "blue")
    for function, state in (
        ("cancel", "running"),
        ("retry", "cancelled"),
        ("suspend", "queued"),
        ("resume", "suspended"),
    ):
        assert own.execute(f"SELECT indexjob.{function}(%s)", (blue[state],)).fetchone() == (True,)
    assert own.execute("SELECT indexjob.redrive()").fetchone() == (1,)
    assert own.execute("SELECT indexjob.enqueue(%s, tenant => 'blue')", (REPO,)).fetchone() is not None


def test_a_key_of_another_tenant_is_not_found(login: Login) -> None:
    ask = "SELECT indexjob.enqueue(%s, idempotency_key => 'k', tenant => %s)"
    first = login(PRODUCER, "blue").execute(ask, (REPO, "blue")).fetchone()
    assert login(PRODUCER, "red").execute(ask, (REPO, "red")).fetchone() != first


def test_a_reader_only_reads(login: Login, blue: dict[str, UUID]) -> None:
    reader = login(READER, "blue")
    assert seen(reader) == set(VIEWS)
    calls = [f"SELECT indexjob.{f}('{blue['queued']}')" for f in ("cancel", "retry", "suspend", "resume")]
    for call in (*calls, f"SELECT indexjob.enqueue('{REPO}', tenant => 'blue')", "SELECT indexjob.redrive()"):
        with pytest.raises(errors.InsufficientPrivilege):
            reader.execute(call)
    for view in VIEWS:
        with pytest.raises(
            (errors.InsufficientPrivilege, errors.ObjectNotInPrerequisiteState, errors.FeatureNotSupported)
        ):
            reader.execute(f"DELETE FROM indexjob.{view}")


def test_set_role_narrows_and_never_widens(
    admin: psycopg.Connection, login: Login, tenants: dict[str, str], blue: dict[str, UUID]
) -> None:
    """A login of both tenants that has become one of them sees that one's; nobody becomes what he is no member of."""
    both = login(PRODUCER, "red", "blue")
    both.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(tenants["red"])))
    with pytest.raises(errors.InsufficientPrivilege):
        both.execute("SELECT FROM indexjob.jobs")
    red = login(PRODUCER, "red")
    for role in (tenants["blue"], "indexjob_operator", "indexjob_worker", admin.info.user):
        for statement in ("SET ROLE {}", "SET SESSION AUTHORIZATION {}", "SET LOCAL ROLE {}"):
            with pytest.raises(errors.InsufficientPrivilege):
                red.execute(sql.SQL(statement).format(sql.Identifier(role)))
        with pytest.raises(errors.InsufficientPrivilege):
            red.execute("SELECT set_config('role', %s, false)", (role,))
        with pytest.raises((errors.InsufficientPrivilege, errors.UndefinedObject, psycopg.OperationalError)):
            login(PRODUCER, "red", options=f"-c role={role}")
    assert seen(red) == set()


def test_settings_of_the_session_widen_nothing(login: Login, blue: dict[str, UUID], tenants: dict[str, str]) -> None:
    red = login(PRODUCER, "red")
    for name in ("indexjob.tenant", "indexjob.role", "indexjob.user", "session_user", "indexjob.woken"):
        red.execute("SELECT set_config(%s, %s, false)", (name if "." in name else f"x.{name}", tenants["blue"]))
    for setting in ("row_security = off", "search_path = indexjob, public", "session_replication_role = replica"):
        try:
            red.execute(f"SET {setting}")
        except errors.InsufficientPrivilege:
            continue
    assert seen(red) == set()
    with pytest.raises(errors.NoDataFound):
        red.execute("SELECT indexjob.cancel(%s)", (blue["queued"],))
    with pytest.raises(errors.InsufficientPrivilege):
        red.execute("SELECT count(*) FROM indexjob.index_jobs")


def test_what_a_login_creates_itself_is_not_looked_at(
    admin: psycopg.Connection, login: Login, blue: dict[str, UUID], database: str
) -> None:
    """Functions, operators and tables of its own, in its schema, in public and in pg_temp, first on its search_path, are not called by ours."""
    red = login(PRODUCER, "red")
    name = red.info.user
    admin.execute(sql.SQL("CREATE SCHEMA trap AUTHORIZATION {}").format(sql.Identifier(name)))
    admin.execute(sql.SQL("GRANT TEMPORARY ON DATABASE {} TO PUBLIC").format(sql.Identifier(red.info.dbname)))
    red.execute("CREATE TABLE trap.sprung (what text)")
    for schema in ("trap", "pg_temp"):
        for function, arguments, result in (
            ("now", "", "timestamptz"), ("promote", "text[], text[]", "integer"), ("own_tenants", "", "SETOF text"), ("length", "text", "integer"),
            ("btrim", "text, text", "text"), ("current_setting", "text, boolean", "text"), ("pg_has_role", "name, oid, text", "boolean"), ("set_config", "text, text, boolean", "text"),
            ("pg_try_advisory_xact_lock", "integer, integer", "boolean"), ("lower", "text", "text"), ("format", "text", "text"),
        ):  # fmt: skip
            red.execute(
                f"CREATE FUNCTION {schema}.{function}({arguments}) RETURNS {result} LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE EXCEPTION 'the trap was sprung, as %', current_user; END $$"
            )
        red.execute(
            f"CREATE FUNCTION {schema}.yes(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the trap was sprung'; END $$"
        )
        for operator in ("=", "~", "~~", "<>"):
            red.execute(
                f"CREATE OPERATOR {schema}.{operator} (LEFTARG = text, RIGHTARG = text, FUNCTION = {schema}.yes)"
            )
        for table in ("tenants", "index_jobs", "settings", "slots", "lease", "pg_roles", "pg_namespace"):
            red.execute(f"CREATE TABLE {schema}.{table} (name text, role name, id uuid, tenant text)")
    red.execute("SET search_path = pg_temp, trap, pg_catalog, indexjob, public")
    assert red.execute("SELECT indexjob.own_tenants()").fetchall() == [("red",)]
    job = red.execute(
        "SELECT indexjob.enqueue('https://example.org/team/x.git', 'main', idempotency_key => 'k', tenant => 'red')"
    ).fetchone()
    for function in ("suspend", "resume", "cancel", "retry"):
        assert red.execute(f"SELECT indexjob.{function}(%s)", job).fetchone() == (True,)
    for job in blue.values():
        with pytest.raises(errors.NoDataFound, match=r"there is no index job .*, or it is not yours"):
            red.execute("SELECT indexjob.revise(%s, '{\"priority\": 9}')", (job,))
    assert red.execute("SELECT indexjob.redrive()").fetchone() == (0,)
    for view in VIEWS:
        red.execute(f"SELECT * FROM indexjob.{view}")
    with pytest.raises(errors.NoDataFound):
        red.execute("SELECT indexjob.cancel(%s)", (blue["queued"],))


def test_a_view_hides_rows_from_functions_that_peek(
    login: Login, admin: psycopg.Connection, blue: dict[str, UUID]
) -> None:
    """A cheap function in WHERE is run after the tenant's own rows were picked, never on all."""
    red = login(PRODUCER, "red")
    red.execute(
        "CREATE FUNCTION pg_temp.peek(anyelement) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS"
        " $$ BEGIN RAISE EXCEPTION 'saw %', $1; END $$"
    )
    columns = {"summary": "tenant", "durations": "tenant", "batches": "batch", "attempts": "job_id"}
    for view in VIEWS:
        red.execute(f"SELECT * FROM indexjob.{view} WHERE pg_temp.peek({columns.get(view, 'id')})")


def test_a_login_that_is_no_tenants_member_cannot_ask_for_anything(login: Login) -> None:
    with pytest.raises(errors.InsufficientPrivilege, match="not yours"):
        login(PRODUCER).execute("SELECT indexjob.enqueue(%s)", (REPO,))
    for statement in ("SELECT indexjob.enqueue('x')", "SELECT * FROM indexjob.jobs"):
        with pytest.raises(errors.InsufficientPrivilege):
            login("blue").execute(statement)
