"""Who may do what: every function, table, view and sequence of the schema, and nobody but whom the table names."""

from __future__ import annotations

import psycopg

P, R, W, O = "producer", "reader", "worker", "operator"  # noqa: E741
ASK = f"{P} {R} {O}"

FUNCTIONS = {
    # asking for work, and steering one's own
    "enqueue": f"{P} {O}", "cancel": f"{P} {O}", "retry": f"{P} {O}", "suspend": f"{P} {O}", "resume": f"{P} {O}", "redrive": f"{P} {O}",
    "revise": f"{P} {O}",
    # looking
    "own_tenants": ASK, "dispatching": ASK, "languages": ASK, "normalize_repository": f"{P} {R} {W} {O}",
    "dependents": ASK, "find_definitions": ASK, "find_references": ASK, "search_symbols": ASK,
    # the worker's own launch, by its token
    "start_attempt": W, "report_progress": W, "finish_attempt": W,
    "find_contents": W, "add_contents": W, "imports_of": W, "graph_is_known": W, "open_graph": W, "open_manifest": W, "publish": W, "publish_unchanged": W,
    # the leader
    "acquire_lease": O, "renew_lease": O, "claim": O, "confirm_claims": O, "launch_token": O, "known_commits": O, "record_attempt": O, "record_running": O,
    "record_finished": O, "record_requeued": O, "record_waiting": O, "record_ending": O, "release_slot": O, "mend": O, "apply_resource": O, "drop_resources": O, "collect_garbage": O,
    # the administrator
    "pause": O, "unpause": O, "prune": O, "check_invariants": O,
}  # fmt: skip
"""All others are for these to call: nobody's."""

RELATIONS = {
    "jobs": f"SELECT: {ASK}", "attempts": f"SELECT: {ASK}", "summary": f"SELECT: {ASK}", "stuck": f"SELECT: {ASK}",
    "recent_failures": f"SELECT: {ASK}", "durations": f"SELECT: {ASK}", "batches": f"SELECT: {ASK}", "waiting": f"SELECT: {ASK}",
    "files": f"SELECT: {ASK}", "symbols": f"SELECT: {ASK}", "symbol_references": f"SELECT: {ASK}", "resolved_references": f"SELECT: {ASK}", "dependencies": f"SELECT: {ASK}", "cycles": f"SELECT: {ASK}",
    "active": f"SELECT: {O}", "depths": f"SELECT: {O}", "resources": f"SELECT: {O}", "index_jobs": f"SELECT: {O}", "slots": f"SELECT: {O}", "progress": f"SELECT: {O}", "index_job_attempts": f"SELECT: {O}",
    "lease": f"SELECT: {O}", "settings": f"SELECT UPDATE: {O}", "tenants": f"SELECT INSERT UPDATE DELETE: {O}",
    "instance": f"SELECT(id created_at): {O}",
    "migrations": f"SELECT: {P} {R} {W} {O}",
    "import": f"INSERT: {W}", "symbol": f"INSERT: {W}", "reference": f"INSERT: {W}", "manifest_file": f"INSERT: {W}", "dependency": f"INSERT: {W}", "cycle": f"INSERT: {W}",
}  # fmt: skip

WHO = "unnest(ARRAY['PUBLIC', 'producer', 'reader', 'worker', 'operator']) AS who CROSS JOIN LATERAL (SELECT CASE who WHEN 'PUBLIC' THEN 'public' ELSE 'indexjob_' || who END AS role) AS r"


def words(text: str) -> str:
    return " ".join(sorted(text.split()))


def test_functions(database: str) -> None:
    query = f"SELECT p.proname, array_agg(who) FROM pg_proc p, {WHO} WHERE p.pronamespace = 'indexjob'::regnamespace AND has_function_privilege(r.role, p.oid, 'EXECUTE') GROUP BY 1"
    with psycopg.connect(database) as connection:
        found = {name: " ".join(sorted(who)) for name, who in connection.execute(query)}
    assert found == {name: words(who) for name, who in FUNCTIONS.items()}


def test_every_function_that_runs_as_the_owner_or_that_anybody_calls_pins_its_search_path(database: str) -> None:
    """The others run inside of these, under the path that is pinned there: a clause of their own would cost each row."""
    query = f"""
        SELECT p.oid::regprocedure::text FROM pg_proc p
        WHERE p.pronamespace = 'indexjob'::regnamespace AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)
          AND (p.prosecdef OR EXISTS (SELECT FROM {WHO} WHERE has_function_privilege(r.role, p.oid, 'EXECUTE')))"""
    with psycopg.connect(database) as connection:
        assert connection.execute(query).fetchall() == []


def test_tables_and_views(database: str) -> None:
    query = f"""
        SELECT c.relname, who, p.privilege || coalesce('(' || (
            SELECT string_agg(a.attname, ' ' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
              AND NOT has_table_privilege(r.role, c.oid, p.privilege) AND p.privilege IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
              AND has_column_privilege(r.role, c.oid, a.attnum, p.privilege)) || ')', '')
        FROM {WHO}, pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) WITH ORDINALITY AS p (privilege, n)
        WHERE c.relnamespace = 'indexjob'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
          AND (has_table_privilege(r.role, c.oid, p.privilege)
               OR CASE WHEN p.privilege IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') THEN has_any_column_privilege(r.role, c.oid, p.privilege) END)
        ORDER BY p.n, who"""
    found: dict[str, dict[str, list[str]]] = {}
    with psycopg.connect(database) as connection:
        for relation, who, privilege in connection.execute(query):
            found.setdefault(relation, {}).setdefault(who, []).append(privilege)
    expected = {
        relation: {who: may.partition(":")[0] for who in may.partition(":")[2].split()}
        for relation, may in RELATIONS.items()
    }
    assert {relation: {who: " ".join(may) for who, may in by.items()} for relation, by in found.items()} == expected


def test_sequences_are_nobodys_and_the_schema_is_for_using(database: str) -> None:
    sequences = f"SELECT c.relname, who FROM {WHO}, pg_class c WHERE c.relnamespace = 'indexjob'::regnamespace AND c.relkind = 'S' AND has_sequence_privilege(r.role, c.oid, 'USAGE, SELECT, UPDATE')"
    schema = f"SELECT who, p FROM {WHO}, unnest(ARRAY['USAGE', 'CREATE']) AS p WHERE has_schema_privilege(r.role, 'indexjob', p) ORDER BY who"
    with psycopg.connect(database) as connection:
        assert connection.execute(sequences).fetchall() == []
        assert connection.execute(schema).fetchall() == [(who, "USAGE") for who in sorted((P, R, W, O))]


def test_the_roles_cannot_log_in_and_are_members_of_nothing(database: str) -> None:
    query = "SELECT rolname FROM pg_roles r WHERE rolname LIKE 'indexjob%' AND (rolcanlogin OR rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid))"
    with psycopg.connect(database) as connection:
        assert connection.execute(query).fetchall() == []
