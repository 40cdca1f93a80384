"""What somebody can do who has a worker's database URL and one launch's token: publish that launch, and nothing else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors, sql

from indexjob.index import (
    AlreadyPublishedError,
    Blob,
    BlobKey,
    ContentGoneError,
    FencedError,
    File,
    Graph,
    IndexWriter,
    Launch,
)
from tests.postgres.queue.leading import Leader

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.postgres.roles.conftest import Login

VERSION = 1
EMPTY = Graph(b"none", ((), ()))
EDGES = Graph(b"edges", ([("a.py", None, "os", "external")], ()))
NOT_OPEN = "IJ024"
BULK = {
    "symbol": "(content_id, ord, line, col, end_line, kind, exported, name, signature, doc) VALUES ({}, 7, 1, 0, 1, 'class', true, 'Evil', '', '')",
    "reference": "(content_id, line, col, kind, name) VALUES ({}, 1, 0, 'call', 'evil')",
    "import": "(content_id, ord, line, kind, spec) VALUES ({}, 7, 1, 'import', 'evil')",
    "manifest_file": "(manifest_id, status, flags, path) VALUES ({}, 'ok', 0, 'evil.py')",
    "dependency": "(graph_id, kind, path, spec) VALUES ({}, 'external', 'a.py', 'evil')",
    "cycle": "(graph_id, ord, size, paths) VALUES ({}, 7, 2, '{{evil.py}}')",
}
COPIED = {
    "symbol": (
        "content_id, ord, line, col, end_line, kind, exported, name, signature, doc",
        (7, 1, 0, 1, "class", True, "Evil", "", ""),
    ),
    "reference": ("content_id, line, col, kind, name", (1, 0, "call", "evil")),
    "import": ("content_id, ord, line, kind, spec", (7, 1, "import", "evil")),
    "manifest_file": ("manifest_id, status, flags, path", ("ok", 0, "evil.py")),
    "dependency": ("graph_id, kind, path, spec", ("external", "a.py", "evil")),
    "cycle": ("graph_id, ord, size, paths", (7, 2, ["evil.py"])),
}
TABLES = (*BULK, "content", "manifest", "graph", "snapshot", "publication", "repository")


class World:
    """Two tenants: `blue` has published a repository, `red` as well; of `red` a launch is running, and its token is out."""

    def __init__(self, leader: Leader, login: Login) -> None:
        self.leader = leader
        self.admin = leader.connection
        self.login = login
        self.honest = login("indexjob_worker")
        self.attacker = login("indexjob_worker")
        self.blue = self.launch("blue/shop", "blue")
        self.publish(self.blue, "b0", "blue.py")
        self.earlier = self.launch("red/other", "red")
        self.publish(self.earlier, "r0", "red.py")
        self.leader.finish(self.blue.job_id, self.earlier.job_id)
        self.own = self.launch("red/own", "red")
        self.before = self.rows()

    def launch(self, name: str, tenant: str) -> Launch:
        job = self.leader.enqueue(name, tenant=tenant)
        assert self.leader.claim() == [job]
        return Launch(job, 1, self.token(job))

    def token(self, job: Any, number: int = 1) -> str:
        return str(self.leader.value("SELECT indexjob.launch_token(%s, %s)", job, number))

    def publish(self, launch: Launch, commit: str, path: str) -> None:
        index = IndexWriter(self.honest, launch, VERSION)
        content = index.store([blob(path)])[key(path)]
        index.publish(commit, [File(path, path.encode(), "ok", content.id, 1)], EDGES)

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything in the index."""
        return {t: self.admin.execute(f"SELECT * FROM indexjob.{t} ORDER BY {t}.*::text").fetchall() for t in TABLES}

    def id_of(self, table: str, tenant: str) -> int:
        """The parent of a row of this bulk table that the tenant has published."""
        parent = {"manifest_file": "manifest", "dependency": "graph", "cycle": "graph"}.get(table, "content")
        row = self.admin.execute(f"SELECT id FROM indexjob.{parent} WHERE tenant = %s ORDER BY id", [tenant]).fetchone()
        assert row
        return int(row[0])


def key(name: str) -> BlobKey:
    return BlobKey(name.encode().hex().ljust(40, "0")[:40], "python")


def blob(name: str, *defines: str) -> Blob:
    definitions = [
        (n, None, "class", each, n + 1, 0, n + 1, "", "", True) for n, each in enumerate(defines or ("A", "B"))
    ]
    return Blob(
        key(name),
        1,
        1,
        "ok",
        definitions,
        [("call", "x", 1, 0, None, None, None)],
        [(0, "import", "os", None, None, 1)],
    )


@pytest.fixture
def world(leader: Leader, login: Login, tenants: dict[str, str]) -> World:
    return World(leader, login)


def insert(world: World, table: str, parent: int) -> None:
    world.attacker.execute(f"INSERT INTO indexjob.{table} {BULK[table].format(parent)}")


def copy(world: World, table: str, parent: int) -> None:
    columns, values = COPIED[table]
    with world.attacker.cursor() as cursor, cursor.copy(f"COPY indexjob.{table} ({columns}) FROM STDIN") as rows:
        rows.write_row((parent, *values))


def refused(world: World, act: Callable[[World, str, int], None], table: str, parent: int) -> str:
    with pytest.raises(errors.Error) as caught:
        act(world, table, parent)
    assert caught.value.sqlstate == NOT_OPEN, caught.value
    return str(caught.value.diag.message_primary)


@pytest.mark.parametrize("table", BULK)
@pytest.mark.parametrize("act", [insert, copy])
def test_nothing_is_added_to_what_another_transaction_made(
    world: World, act: Callable[[World, str, int], None], table: str
) -> None:
    """Of another tenant, of its own tenant by an earlier launch, of nobody, of somebody to come; beside what is its own to add to."""
    foreign = [world.id_of(table, "blue"), world.id_of(table, "red")]
    said = {refused(world, act, table, parent).replace(str(parent), "N") for parent in (*foreign, 0, -1, 10**12)}
    assert len(said) == 1, "what is refused doesn't tell whether it is there"
    assert "by this transaction" in said.pop()
    for parent in foreign:
        with world.attacker.transaction(force_rollback=True):
            own = opened(world, table)
            act(world, table, own)
            refused(world, act, table, parent)
    assert world.rows() == world.before


def opened(world: World, table: str) -> int:
    """A parent of this launch's own, made in the transaction that is open."""
    if table in ("symbol", "reference", "import"):
        return added(world.attacker, world.own, "evil.py")
    function = "open_manifest" if table == "manifest_file" else "open_graph"
    row = world.attacker.execute(f"SELECT * FROM indexjob.{function}(%s, %s, %s, 'evil')", world.own).fetchone()
    assert row
    assert row[1] is True
    return int(row[0])


def added(connection: psycopg.Connection, launch: Launch, name: str) -> int:
    row = connection.execute(
        "SELECT id FROM indexjob.add_contents(%s, %s, %s, %s, %s::bytea[], '{python}', '{1}', '{1}', '{ok}', '{0}', '{0}', %s::bytea[])",
        [*launch, VERSION, [bytes.fromhex(key(name).blob_sha)], [b""]],
    ).fetchone()
    assert row
    return int(row[0])


@pytest.mark.parametrize("table", BULK)
def test_a_row_that_is_there_is_not_told_from_one_that_is_not(world: World, table: str) -> None:
    """No unique index speaks before the trigger does, and an INSERT that a conflict would have silenced is refused as well."""
    columns = BULK[table].partition(" VALUES ")[0]
    same = sql.SQL("SELECT {} FROM indexjob.{} LIMIT 1").format(sql.SQL(columns.strip("()")), sql.Identifier(table))
    if table == "cycle":
        with world.admin.transaction():
            world.admin.execute("SET LOCAL session_replication_role = replica")
            world.admin.execute("INSERT INTO indexjob.cycle SELECT id, 7, 2, '{a}' FROM indexjob.graph")
    there = world.admin.execute(same).fetchone()
    assert there
    places = ", ".join(["%s"] * len(there))
    for ending in ("", " ON CONFLICT DO NOTHING"):
        with pytest.raises(errors.Error) as caught:
            world.attacker.execute(f"INSERT INTO indexjob.{table} {columns} VALUES ({places}){ending}", there)
        assert caught.value.sqlstate == NOT_OPEN


@pytest.mark.parametrize("table", BULK)
def test_a_transaction_hands_nothing_on_to_the_next(world: World, table: str) -> None:
    """Nor to another session, while it is open and after; nor beyond a savepoint."""
    other = world.login("indexjob_worker")
    with world.attacker.transaction(force_rollback=True):
        with world.attacker.transaction(force_rollback=True):
            undone = opened(world, table)
            insert(world, table, undone)
        refused(world, insert, table, undone)
    with world.attacker.transaction(force_rollback=True):
        with world.attacker.transaction():
            own = opened(world, table)
        insert(world, table, own)
        with pytest.raises(errors.Error) as caught:
            other.execute(f"INSERT INTO indexjob.{table} {BULK[table].format(own)}")
        assert caught.value.sqlstate == NOT_OPEN
    refused(world, insert, table, own)
    assert world.rows() == world.before


def test_one_statement_is_judged_by_all_of_its_rows(world: World) -> None:
    """Content of somebody who has not committed yet, with an id between two of the attacker's own; and these two alone."""
    victim = world.launch("blue/running", "blue")
    three = "INSERT INTO indexjob.reference (content_id, line, col, kind, name) SELECT unnest(%s::bigint[]), 1, 0, 'call', 'x'"
    with world.honest.transaction(), world.attacker.transaction(force_rollback=True):
        low = added(world.attacker, world.own, "low.py")
        between = added(world.honest, victim, "between.py")
        high = added(world.attacker, world.own, "high.py")
        assert (between, high) == (low + 1, low + 2)
        for ids in ([low, between, high], [between], [low, low + 3], [high, low - 1]):
            with pytest.raises(errors.Error) as caught, world.attacker.transaction():
                world.attacker.execute(three, [ids])
            assert caught.value.sqlstate == NOT_OPEN
        for ids in ([low, high], [low], [high, high], []):
            world.attacker.execute(three, [ids])


def test_content_is_closed_once_it_is_committed_and_what_is_open_must_be_published(world: World) -> None:
    with world.attacker.transaction():
        own = added(world.attacker, world.own, "own.py")
    for table in ("symbol", "reference", "import"):
        refused(world, insert, table, own)
    for table in ("manifest_file", "dependency"):
        with pytest.raises(errors.Error, match="was opened and not published") as caught, world.attacker.transaction():
            opened(world, table)
        assert caught.value.sqlstate == NOT_OPEN
    index = IndexWriter(world.attacker, world.own, VERSION)
    with world.attacker.transaction():
        index.publish("own", [File("own.py", b"own.py", "ok", own, 1)], Graph(b"own", ((), ())))
        for table, parent in (("manifest_file", "manifest"), ("dependency", "graph"), ("cycle", "graph")):
            made = world.admin.execute(f"SELECT last_value FROM indexjob.{parent}_id_seq").fetchone()
            with world.attacker.transaction(force_rollback=True):
                refused(world, insert, table, made[0] if made else 0)
    assert world.leader.row(world.own.job_id)["verdict"] == "completed"


def forged(world: World) -> dict[str, Launch]:
    """Whatever a token could be shown for, but for the launch that it is of."""
    cancelled, finished = world.launch("red/cancelled", "red"), world.earlier
    victim = world.launch("blue/running", "blue")
    world.leader.value("SELECT indexjob.cancel(%s)", cancelled.job_id)
    return {
        "another tenant's": Launch(victim.job_id, 1, world.own.token),
        "finished": finished,
        "fenced": cancelled,
        "the next launch": world.own._replace(number=2),
        "the next launch's token": world.own._replace(token=world.token(world.own.job_id, 2)),
        "no token": world.own._replace(token=None),
        "an empty token": world.own._replace(token=""),
        "no job": Launch(uuid4(), 1, world.own.token),
    }


def test_every_function_asks_for_the_token_of_a_launch_that_is_under_way(world: World) -> None:
    content = world.id_of("symbol", "blue")
    for what, launch in forged(world).items():
        index = IndexWriter(world.attacker, launch, VERSION)
        for call in (
            lambda index=index: index.stored([key("blue.py")]),
            lambda index=index: index.store([blob("blue2.py")]),
            lambda index=index: list(index.imports([content])),
            lambda index=index: index.graph_is_known(EDGES.hash),
            lambda index=index: index.publish("evil", [], EMPTY),
            lambda index=index: index.publish_unchanged("b0"),
        ):
            with pytest.raises((FencedError, AlreadyPublishedError)) as caught:
                call()
            assert isinstance(caught.value, FencedError) or what == "finished"
    assert world.rows() == world.before


def test_what_a_launch_sees_and_makes_is_its_tenants(world: World) -> None:
    blue, red = (world.id_of("symbol", tenant) for tenant in ("blue", "red"))
    index = IndexWriter(world.attacker, world.own, VERSION)
    assert [content.id for content in index.stored([key("blue.py"), key("red.py")]).values()] == [red]
    assert [content_id for content_id, _ in index.imports([blue, red])] == [red]
    made = index.store([blob("blue.py", "Evil")])[key("blue.py")]
    assert made.id not in (blue, red)
    tenant = world.admin.execute("SELECT tenant FROM indexjob.content WHERE id = %s", [made.id]).fetchone()
    assert tenant == ("red",)
    blues_alone = world.admin.execute("UPDATE indexjob.graph SET hash = 'blue''s' WHERE tenant = 'blue' RETURNING hash")
    assert not index.graph_is_known(bytes(blues_alone.fetchall()[0][0]))


def test_it_publishes_for_nobody_else_and_once(world: World) -> None:
    index = IndexWriter(world.attacker, world.own, VERSION)
    blue = world.id_of("symbol", "blue")
    for evil in (File("a.py", b"a.py", "ok", blue, 1), File("a.py", b"a.py", "ok", 10**12, 1)):
        with pytest.raises(ContentGoneError, match="1 files have content that is not kept"):
            index.publish("evil", [evil], EMPTY)
    with pytest.raises(errors.UniqueViolation, match="1 paths are named twice"):
        index.publish("evil", [File("a.py", b"a.py", "binary"), File("a.py", b"a.py", "binary")], EMPTY)
    publish = "SELECT indexjob.publish(%s, %s, %s, 'evil', 1, %s, %s, '')"
    manifest, graph = (world.id_of(table, "blue") for table in ("manifest_file", "dependency"))
    reds = [world.id_of(table, "red") for table in ("manifest_file", "dependency")]
    for parents in ((manifest, graph), (reds[0], graph), (manifest, reds[1]), (10**12, 10**12)):
        with pytest.raises(errors.Error, match="is not of tenant red") as caught:
            world.attacker.execute(publish, [*world.own, *parents])
        assert caught.value.sqlstate == "IJ022"
    assert world.rows() == world.before
    index.publish("own", [], EMPTY)
    for again in (lambda: index.publish("evil", [], EMPTY), lambda: index.publish_unchanged("own")):
        with pytest.raises(AlreadyPublishedError):
            again()
    shown = "SELECT r.tenant, r.url, s.commit FROM indexjob.publication p JOIN indexjob.snapshot s ON s.id = p.snapshot_id JOIN indexjob.repository r ON r.id = s.repository_id ORDER BY 3"
    assert world.admin.execute(shown).fetchall() == [
        ("blue", "https://example.org/blue/shop", "b0"),
        ("red", "https://example.org/red/own", "own"),
        ("red", "https://example.org/red/other", "r0"),
    ]


def test_a_launch_that_is_fenced_while_it_stores_publishes_nothing_of_it(world: World) -> None:
    """By the token that was good when its transaction began: with a snapshot of then, and without one."""
    for level in (psycopg.IsolationLevel.READ_COMMITTED, psycopg.IsolationLevel.REPEATABLE_READ):
        launch = world.launch(f"red/{level.name.lower()}", "red")
        attacker = world.login("indexjob_worker")
        attacker.isolation_level = level
        index = IndexWriter(attacker, launch, VERSION)
        with attacker.transaction(force_rollback=True):
            index.stored([key("red.py")])
            world.leader.value("SELECT indexjob.cancel(%s)", launch.job_id)
            with pytest.raises((FencedError, errors.SerializationFailure)):
                index.publish("evil", [], EMPTY)
        with pytest.raises(FencedError):
            index.store([blob("late.py")])
    assert world.rows() == world.before


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT id FROM indexjob.content", "SELECT spec FROM indexjob.import", "SELECT hash FROM indexjob.manifest", "SELECT hash FROM indexjob.graph",
        "SELECT made_by FROM indexjob.content", "COPY indexjob.symbol TO STDOUT", "COPY indexjob.content FROM STDIN",
        "INSERT INTO indexjob.content (tenant) VALUES ('blue')", "INSERT INTO indexjob.manifest (tenant, hash) VALUES ('blue', '')",
        "INSERT INTO indexjob.graph (tenant, hash) VALUES ('blue', '')", "UPDATE indexjob.content SET unused_since = NULL",
        "UPDATE indexjob.content SET made_by = pg_current_xact_id()", "UPDATE indexjob.manifest SET files = NULL", "UPDATE indexjob.symbol SET name = 'evil'",
        "DELETE FROM indexjob.reference", "TRUNCATE indexjob.manifest_file", "ALTER TABLE indexjob.symbol DISABLE TRIGGER ALL", "DROP TRIGGER own_content ON indexjob.symbol",
        "CREATE TRIGGER mine AFTER INSERT ON indexjob.symbol FOR EACH STATEMENT EXECUTE FUNCTION indexjob.require_seal()",
        "CREATE RULE mine AS ON INSERT TO indexjob.symbol DO INSTEAD NOTHING", "SELECT nextval('indexjob.content_id_seq')", "SELECT indexjob.require_launch(gen_random_uuid(), 1, '')",
        "SET session_replication_role = replica", "SET ROLE indexjob_operator", "BEGIN; LOCK TABLE indexjob.content", "CREATE TABLE pg_temp.mine () INHERITS (indexjob.symbol)",
        "INSERT INTO indexjob.symbol SELECT * FROM indexjob.symbol", "INSERT INTO indexjob.reference (content_id, line, col, kind, name) VALUES (1, 1, 1, 'call', 'x') RETURNING ctid",
        "EXPLAIN SELECT * FROM indexjob.symbol",
    ],
)  # fmt: skip
def test_there_is_no_other_way_in(world: World, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        world.attacker.execute(statement)


def test_nothing_that_the_session_sets_or_makes_opens_anything(world: World) -> None:
    """Its own settings, and its own tables, functions and operators, first on its search_path, under the names that ours use."""
    admin, attacker = world.admin, world.attacker
    name = sql.Identifier(attacker.info.user)
    admin.execute(sql.SQL("GRANT TEMPORARY ON DATABASE {} TO {}").format(sql.Identifier(attacker.info.dbname), name))
    admin.execute(sql.SQL("CREATE SCHEMA trap AUTHORIZATION {}").format(name))
    target = world.id_of("symbol", "blue")
    for schema in ("trap", "pg_temp"):
        attacker.execute(f"CREATE TABLE {schema}.added (content_id bigint, manifest_id bigint, graph_id bigint)")
        attacker.execute(f"CREATE TABLE {schema}.content (id bigint, made_by xid8 DEFAULT pg_current_xact_id())")
        attacker.execute(f"INSERT INTO {schema}.content VALUES ({target})")
        attacker.execute(
            f"CREATE FUNCTION {schema}.pg_current_xact_id() RETURNS xid8 LANGUAGE sql AS 'SELECT NULL::xid8'"
        )
        attacker.execute(f"CREATE FUNCTION {schema}.yes(xid8, xid8) RETURNS boolean LANGUAGE sql AS 'SELECT true'")
        attacker.execute(f"CREATE OPERATOR {schema}.= (LEFTARG = xid8, RIGHTARG = xid8, FUNCTION = {schema}.yes)")
    attacker.execute("SET search_path = pg_temp, trap, indexjob, pg_catalog")
    for setting in ("indexjob.tenant", "indexjob.launch", "indexjob.made_by", "indexjob.token"):
        attacker.execute("SELECT set_config(%s, 'blue', false)", [setting])
    with attacker.transaction(force_rollback=True):
        attacker.execute("SET CONSTRAINTS ALL DEFERRED")
        own = opened(world, "symbol")
        insert(world, "symbol", own)
        refused(world, insert, "symbol", target)
    attacker.execute("CREATE VIEW pg_temp.door AS SELECT content_id, line, col, kind, name FROM indexjob.reference")
    with pytest.raises(errors.Error) as caught:
        attacker.execute(f"INSERT INTO pg_temp.door VALUES ({target}, 1, 0, 'call', 'evil')")
    assert caught.value.sqlstate == NOT_OPEN
    with pytest.raises(errors.InsufficientPrivilege):
        attacker.execute(
            "CREATE TRIGGER mine AFTER INSERT ON pg_temp.added REFERENCING NEW TABLE AS added"
            " FOR EACH STATEMENT EXECUTE FUNCTION indexjob.require_own_content()"
        )
    assert world.rows() == world.before


def test_an_attack_meanwhile_does_the_honest_no_harm(world: World) -> None:
    """They store the same blobs of the same tenant at the same time; the attacker tries blue's and the honest one's rows all along."""
    honest = world.launch("red/honest", "red")
    other = world.login("indexjob_worker")
    target = world.id_of("symbol", "blue")

    def attack() -> None:
        for n in range(40):
            IndexWriter(world.attacker, world.own, VERSION).store([blob(f"{m}.py") for m in range(n, n + 5)])
            refused(world, insert, "symbol", target)

    with ThreadPoolExecutor(1) as pool:
        attacking = pool.submit(attack)
        index = IndexWriter(other, honest, VERSION)
        contents: dict[BlobKey, Any] = {}
        for n in range(39, -1, -1):
            contents |= index.store([blob(f"{m}.py") for m in range(n + 4, n - 1, -1)])
        attacking.result(timeout=60)
    files = [File(f"{n}.py", f"{n}.py".encode(), "ok", contents[key(f"{n}.py")].id, 1) for n in range(44)]
    assert index.publish("honest", files, EMPTY)["symbols"] == 88
    row = world.admin.execute(
        "SELECT count(*) FROM indexjob.symbol WHERE content_id <> ALL (%s)",
        [[world.id_of("symbol", t) for t in ("red", "blue")]],
    ).fetchone()
    assert row == (88,)
