"""Real logins, launches that went through the real queue, and small extractions."""

from __future__ import annotations

from contextlib import ExitStack
from hashlib import sha1
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import conninfo, sql
from psycopg.types.json import Jsonb

from indexjob.index import Blob, BlobKey, Content, Cycle, DependencyRow, File, Graph, IndexWriter, Launch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VERSION = 1
REPOSITORY = "https://example.org/team/project"


class Queue:
    """The operator's part, by its own functions: jobs are enqueued, claimed and ended."""

    def __init__(self, admin: psycopg.Connection[Any]) -> None:
        self.admin = admin
        self._epoch = self._one("SELECT indexjob.acquire_lease('test', '1 hour')")

    def _one(self, query: str, *values: object) -> Any:
        row = self.admin.execute(query.encode(), values).fetchone()
        return row[0] if row else None

    def launch(
        self,
        revision: str = "main",
        *,
        repository: str = REPOSITORY,
        tenant: str = "default",
        options: dict[str, Any] | None = None,
    ) -> Launch:
        """A launch of a new job that may publish."""
        job: UUID = self._one(
            "SELECT indexjob.enqueue(%s, %s, tenant => %s, options => %s)",
            repository,
            revision,
            tenant,
            Jsonb(options or {}),
        )
        claimed = dict(
            self.admin.execute("SELECT * FROM indexjob.claim(%s, 100, 100, 'test')", [self._epoch]).fetchall()
        )
        assert job in claimed, "another job of this repository is still running"
        return Launch(job, claimed[job], self._one("SELECT indexjob.launch_token(%s, %s)", job, claimed[job]))

    def end(self, launch: Launch) -> None:
        """Its pods are gone."""
        outcome = [{"id": str(launch.job_id), "launch": launch.number, "reason": "Failed", "message": ""}]
        self.admin.execute("SELECT indexjob.record_finished(%s, %s)", [self._epoch, Jsonb(outcome)])

    def job(self, launch: Launch) -> dict[str, Any]:
        row = self.admin.execute(
            "SELECT state::text, verdict::text, commit, stats FROM indexjob.index_jobs WHERE id = %s", [launch.job_id]
        ).fetchone()
        assert row
        return dict(zip(("state", "verdict", "commit", "stats"), row, strict=True))


class Source(NamedTuple):
    """A Python file that defines `defines`, and calls the names in `calls` from the first of them."""

    path: str
    defines: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()

    @property
    def key(self) -> BlobKey:
        return BlobKey(sha1(repr(self[1:]).encode()).hexdigest(), "python")

    def blob(self) -> Blob:
        definitions = [
            (
                n,
                0 if n else None,
                "method" if n else "class",
                name,
                n + 1,
                4,
                n + 2,
                f"def {name}()",
                "What for.",
                n == 0,
            )
            for n, name in enumerate(self.defines)
        ]
        references = [
            ("call", name, n + 2, 8, 0 if self.defines else None, None, None) for n, name in enumerate(self.calls)
        ]
        imports = [(n, "import", name, None, None, n + 1) for n, name in enumerate(self.imports)]
        return Blob(self.key, 100, 10, "ok", definitions, references, imports)

    def file(self, contents: dict[BlobKey, Content]) -> File:
        return File(self.path, self.path.encode(), "ok", contents[self.key].id, 100)


class Worker:
    """A worker pod: its own login, its own connection, the whole way through the writer."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection

    def at(self, launch: Launch, limits: str = "") -> IndexWriter:
        """The writer of a launch."""
        return IndexWriter(self.connection, launch, VERSION, limits)

    def store(self, launch: Launch, *sources: Source) -> dict[BlobKey, Content]:
        index = self.at(launch)
        contents = index.stored(source.key for source in sources)
        return contents | index.store(source.blob() for source in sources if source.key not in contents)

    def publish(
        self,
        launch: Launch,
        commit: str,
        *sources: Source,
        dependencies: tuple[DependencyRow, ...] = (),
        cycles: tuple[Cycle, ...] = (),
        others: tuple[File, ...] = (),
    ) -> dict[str, Any]:
        contents = self.store(launch, *sources)
        files = [*(source.file(contents) for source in sources), *others]
        graph = Graph(sha1(repr((dependencies, cycles)).encode()).digest(), (dependencies, cycles))
        return self.at(launch).publish(commit, files, graph, {"store": 0.5})


@pytest.fixture
def admin(database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


@pytest.fixture
def queue(admin: psycopg.Connection[Any]) -> Queue:
    return Queue(admin)


@pytest.fixture
def launch(queue: Queue) -> Launch:
    """One that may store and publish."""
    return queue.launch()


@pytest.fixture
def login(admin: psycopg.Connection[Any], database: str) -> Iterator[Callable[..., psycopg.Connection[Any]]]:
    """Opens connections of new logins that are members of the given roles and nothing more."""
    names: list[sql.Identifier] = []
    with ExitStack() as stack:

        def connect(*roles: str, autocommit: bool = True) -> psycopg.Connection[Any]:
            name = f"test_{uuid4().hex[:12]}"
            admin.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x' IN ROLE {}").format(
                    sql.Identifier(name), sql.SQL(", ").join(map(sql.Identifier, roles))
                )
            )
            names.append(sql.Identifier(name))
            dsn = conninfo.make_conninfo(database, user=name, password="x")
            return stack.enter_context(psycopg.connect(dsn, autocommit=autocommit))

        yield connect
    for identifier in names:
        admin.execute(
            sql.SQL("DROP OWNED BY {}").format(identifier)
        )  # its session may not have ended, nor its temporary functions
        admin.execute(sql.SQL("DROP ROLE {}").format(identifier))


@pytest.fixture
def worker(login: Callable[..., psycopg.Connection[Any]]) -> Worker:
    return Worker(login("indexjob_worker"))


@pytest.fixture
def new_worker(login: Callable[..., psycopg.Connection[Any]]) -> Callable[..., Worker]:
    """Makes another worker."""

    def make() -> Worker:
        return Worker(login("indexjob_worker"))

    return make


@pytest.fixture
def source() -> type[Source]:
    return Source


@pytest.fixture
def tenant(admin: psycopg.Connection[Any]) -> Iterator[Callable[[str], str]]:
    """Makes a tenant; gives back the role whose members are its people."""
    roles: list[sql.Identifier] = []

    def make(name: str) -> str:
        role = f"tenant_{name}_{uuid4().hex[:8]}"
        admin.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
        roles.append(sql.Identifier(role))
        admin.execute("INSERT INTO indexjob.tenants (name, role) VALUES (%s, %s)", [name, role])
        return role

    yield make
    for role in roles:
        admin.execute(sql.SQL("DROP ROLE {}").format(role))
