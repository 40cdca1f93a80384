"""A queue with real logins, dispatchers as processes that can be hurt, and the questions that every test ends with."""

from __future__ import annotations

import json
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import conninfo, sql

from indexjob_operator.runtime.workspace import Workspaces
from tests.stoppable import Stoppable, stopped

LEASE_SECONDS = 2.5
SETTLE_SECONDS = 240.0
CLEAR_SECONDS = 60.0
"""The row of a launch ends before its directory goes; of a dispatcher that was killed, the next sweep takes it."""


class Dispatcher(Stoppable):
    """One process; Postgres knows its connections by `name`."""

    def __init__(self, options: dict[str, Any], points: tuple[str, ...]) -> None:
        self.name = f"dispatcher-{uuid4().hex[:6]}"
        command = [sys.executable, "-m", "tests.faults.dispatcher", json.dumps(options)]
        super().__init__(command, {"PGAPPNAME": self.name}, points)


@dataclass
class World:
    """`admin` is a superuser's connection; `producer`, `operator` and `worker` are DSNs of logins with one role each."""

    url: str
    folder: Path
    lease: float = LEASE_SECONDS
    concurrency: int = 4
    dispatchers: list[Dispatcher] = field(default_factory=list)
    jobs: list[UUID] = field(default_factory=list)
    logins: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.admin = psycopg.connect(self.url, autocommit=True)
        roles = {
            "operator": ["indexjob_operator"],
            "worker": ["indexjob_worker"],
            "producer": ["indexjob_producer", "indexjob_tenant_default"],
        }
        for login, granted in roles.items():
            name = f"{login}_{uuid4().hex[:8]}"
            self.admin.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x' IN ROLE {}").format(
                    sql.Identifier(name), sql.SQL(", ").join(map(sql.Identifier, granted))
                )
            )
            self.logins[login] = conninfo.make_conninfo(self.url, user=name, password="x")
        self.admin.execute("UPDATE indexjob.settings SET heartbeat_timeout = '3 seconds'")
        self.admin.execute("CREATE SCHEMA witness")
        self.admin.execute(
            "CREATE TABLE witness.published (job_id uuid, launch integer, at timestamptz DEFAULT clock_timestamp())"
        )
        self.admin.execute("GRANT USAGE ON SCHEMA witness TO indexjob_worker")
        self.admin.execute("GRANT INSERT ON witness.published TO indexjob_worker")

    def close(self) -> None:
        for dispatcher in self.dispatchers:
            dispatcher.end()
        for root in self.folder.glob("workspaces/*"):
            Workspaces(root).clear_abandoned()  # what the killed ones ran
        self.admin.close()
        with psycopg.connect(self.url, autocommit=True) as admin:
            for dsn in self.logins.values():
                role = sql.Identifier(conninfo.conninfo_to_dict(dsn)["user"])  # type: ignore[arg-type]
                admin.execute(sql.SQL("DROP ROLE {}").format(role))

    def dispatch(self, *points: str, **changed: object) -> Dispatcher:
        """Start a dispatcher that stops at these points."""
        options = {
            "database_url": self.logins["operator"], "worker_database_url": self.logins["worker"], "witness": str(self.folder),
            "lease": self.lease, "concurrency": self.concurrency,
        } | changed  # fmt: skip
        dispatcher = Dispatcher(options, points)
        self.dispatchers.append(dispatcher)
        return dispatcher

    def stop(self, but: Dispatcher | None = None) -> tuple[Dispatcher, str] | None:
        """A dispatcher that stands at one of its points."""
        for dispatcher in self.dispatchers:
            if dispatcher is not but and (point := dispatcher.stopped_at()):
                return dispatcher, point
        return None

    def let_lease_run_out(self) -> None:
        """As after its time, without waiting for that."""
        self.admin.execute("UPDATE indexjob.lease SET expires_at = clock_timestamp()")

    def enqueue(self, repository: str, revision: str = "main", **more: object) -> UUID:
        extra = "".join(f", {name} => %s" for name in more)
        with psycopg.connect(self.logins["producer"], autocommit=True) as producer:
            row = producer.execute(
                f"SELECT indexjob.enqueue(%s, %s{extra})".encode(),
                (f"https://example.org/{repository}", revision, *more.values()),
            ).fetchone()
        assert row
        self.jobs.append(row[0])
        return UUID(str(row[0]))

    def steer(self, what: str, job: UUID) -> None:
        with psycopg.connect(self.logins["producer"], autocommit=True) as producer:
            producer.execute(f"SELECT indexjob.{what}(%s)".encode(), (job,))

    def value(self, query: str, *values: object) -> Any:
        row = self.admin.execute(query.encode(), values).fetchone()
        return row[0] if row else None

    def leader(self) -> Dispatcher | None:
        """Whose process holds the lease."""
        holder = self.value("SELECT holder FROM indexjob.lease WHERE expires_at > clock_timestamp()") or ""
        return next((d for d in self.dispatchers if f"/{d.process.pid}/" in holder), None)

    def cut(self, dispatcher: Dispatcher) -> int:
        """All of its connections end, as the server sees it, and are gone; how many but the one that only listens."""
        ended = """
            SELECT count(*) FILTER (WHERE query NOT IN ('LISTEN indexjob_wake', 'SELECT 1') AND pg_terminate_backend(pid, 5000)),
                count(*) FILTER (WHERE query IN ('LISTEN indexjob_wake', 'SELECT 1') AND pg_terminate_backend(pid, 5000))
            FROM pg_stat_activity WHERE application_name = %s
        """
        return int(self.value(ended, dispatcher.name))

    def wait_for(self, query: str, *values: object, within: float = SETTLE_SECONDS) -> float:
        """Until the query says true; the seconds that it took."""
        began = time.monotonic()
        while not self.value(query, *values):
            if time.monotonic() - began > within:
                raise AssertionError(f"not within {within} s: {query} {values}\n{self.describe()}")
            time.sleep(0.05)
        return time.monotonic() - began

    def settle(self, within: float = SETTLE_SECONDS) -> None:
        """All has an end, and nothing is left of any run."""
        self.wait_for(
            "SELECT NOT EXISTS (SELECT FROM indexjob.index_jobs WHERE finished_at IS NULL) AND NOT EXISTS (SELECT FROM indexjob.slots)",
            within=within,
        )

    def assert_sound(self) -> None:
        """Nothing lost, nothing run twice at once, nothing published twice, nothing stuck, nothing left over, every invariant holds."""
        broken = self.admin.execute("SELECT * FROM indexjob.check_invariants('0')").fetchall()
        assert broken == [], f"{broken}\n{self.describe()}"
        known = {row[0] for row in self.admin.execute("SELECT id FROM indexjob.index_jobs")}
        assert set(self.jobs) <= known, f"requests were lost: {set(self.jobs) - known}"
        overlaps = self.folder / "overlaps"
        assert not overlaps.exists(), f"two runs of one repository at once: {overlaps.read_text()}"
        twice = self.admin.execute(
            "SELECT job_id FROM witness.published GROUP BY job_id HAVING count(*) > 1"
        ).fetchall()
        assert twice == [], f"published twice: {twice}"
        unpublished = "SELECT id, verdict FROM indexjob.index_jobs j WHERE verdict IS NOT NULL AND gave_way_to IS NULL AND NOT EXISTS (SELECT FROM witness.published p WHERE p.job_id = j.id)"
        assert self.admin.execute(unpublished).fetchall() == []
        lost = "SELECT job_id FROM witness.published p JOIN indexjob.index_jobs j ON j.id = p.job_id WHERE j.state NOT IN ('completed', 'launching', 'running')"
        assert self.admin.execute(lost.encode()).fetchall() == [], "published, and not completed"
        until = time.monotonic() + CLEAR_SECONDS
        while len(left := self.left_over()) > self.value("SELECT count(*) FROM indexjob.slots"):
            assert time.monotonic() < until, f"of launches that have ended there is left: {left}\n{self.describe()}"
            time.sleep(0.05)

    def left_over(self) -> list[str]:
        """The directories of launches; also such as were never finished."""
        return [path.name for path in self.folder.glob("workspaces/*/*")]

    def describe(self) -> str:
        rows = self.admin.execute(
            "SELECT id, repository, revision, state, line, launch, reason, message, resets FROM indexjob.index_jobs WHERE finished_at IS NULL"
        )
        told = [str(row) for row in rows] + [str(self.admin.execute("SELECT * FROM indexjob.slots").fetchall())]
        for dispatcher in self.dispatchers[-3:]:
            if dispatcher.process.poll() is None and not stopped(dispatcher.process.pid):
                dispatcher.send(signal.SIGUSR1)
                time.sleep(0.3)
            told += [f"--- {dispatcher.name} {dispatcher.process.poll()}", *dispatcher.log[-25:]]
        return "\n".join(told)
