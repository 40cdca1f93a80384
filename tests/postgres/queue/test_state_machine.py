"""Hypothesis plays producers, two operators and workers against the real queue, in any order, with transactions left open; and looks for what must not be.

Left open are those of a producer, of a worker that publishes, and two of the leader: a claim, and what it records beside that.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from psycopg import errors

from indexjob.index import AlreadyPublishedError, FencedError, Graph, IndexWriter, Launch

TENANTS, REPOSITORIES, REVISIONS = ("default", "other"), ("a", "b", "c"), ("main", "v1")
DEPOSED = "IJ001"

LAUNCHES = "SELECT s.job_id, s.launch FROM indexjob.slots s JOIN indexjob.index_jobs j ON j.id = s.job_id WHERE (j.state IN ('launching', 'running')) = %s ORDER BY s.taken_at, s.job_id"
HEADS = """
SELECT DISTINCT ON (j.tenant, j.repository) j.id, j.tenant, j.priority, j.seq FROM indexjob.index_jobs j
WHERE j.state = 'queued' AND j.line <> 'coalesced' AND j.run_after <= now()
  AND NOT EXISTS (SELECT FROM indexjob.slots s WHERE s.tenant = j.tenant AND s.repository = j.repository)
ORDER BY j.tenant, j.repository, j.priority DESC, j.seq
"""


class QueueMachine(RuleBasedStateMachine):
    """`leaders` have been elected one after the other: only the last one may write."""

    dsn: ClassVar[str]
    jobs = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        self.admin, self.producer, self.worker = (psycopg.connect(self.dsn, autocommit=True) for _ in range(3))
        self.slow = {who: psycopg.connect(self.dsn) for who in ("producer", "worker", "recorder", "claimer")}
        self.slow_producer, self.slow_worker, self.recorder, self.claimer = self.slow.values()
        for waiting in (self.producer, self.worker, self.slow_producer, self.slow_worker):
            waiting.execute("SET lock_timeout = '50ms'")
            waiting.commit()
        self.epochs: list[int] = []
        self.tokens: list[Launch] = []
        self.published: Counter[UUID] = Counter()
        self.committed: set[UUID] = set()
        self.uncommitted: set[UUID] = set()
        self.pruned: set[UUID] = set()
        self.claimed_slowly: list[tuple[UUID, int]] = []
        self.publishing: Launch | None = None
        self.open = self.recording = self.claiming = self.sweep_owed = False

    def teardown(self) -> None:
        try:
            for connection in self.slow.values():
                connection.rollback()
            self.publishing, self.open, self.recording, self.claiming = None, False, False, False
            self.everything_ends()
        finally:
            for connection in (self.admin, self.producer, self.worker, *self.slow.values()):
                connection.close()

    # producers

    @initialize(slow_producers=st.booleans(), reset_limit=st.sampled_from((0, 10)))
    def start(self, slow_producers: bool, reset_limit: int) -> None:
        """In half of the runs no producer leaves a transaction open: then the sweep owes nothing, and whatever the leader missed shows at once."""
        self.slow_producers = slow_producers
        self.admin.execute(
            "TRUNCATE indexjob.index_jobs, indexjob.slots, indexjob.progress, indexjob.index_job_attempts"
        )
        self.admin.execute(
            "UPDATE indexjob.settings SET claiming_paused = false, running_cap = NULL, reset_limit = %s", (reset_limit,)
        )
        self.take_over()

    @rule(
        target=jobs, slow=st.booleans(), tenant=st.sampled_from(TENANTS), repository=st.sampled_from(REPOSITORIES), revision=st.sampled_from(REVISIONS),
        priority=st.integers(0, 2), hours=st.sampled_from((0, 0, 0, 1)), key=st.sampled_from((None, None, "k")),
    )  # fmt: skip
    def enqueue(
        self, slow: bool, tenant: str, repository: str, revision: str, priority: int, hours: int, key: str | None
    ) -> UUID | None:
        slow &= self.slow_producers
        connection = self.slow_producer if slow else self.producer
        self.open |= slow
        due = datetime.now(UTC) + timedelta(hours=hours, seconds=-1)
        try:
            with self.asking(connection, slow=slow):
                row = connection.execute(
                    "SELECT indexjob.enqueue(%s, %s, tenant => %s, priority => %s, run_after => %s, idempotency_key => %s)",
                    (f"https://example.org/{repository}", revision, tenant, priority, due, key),
                ).fetchone()
        except errors.LockNotAvailable:
            return None
        assert row
        (self.uncommitted if slow else self.committed).add(row[0])
        return UUID(str(row[0]))

    @rule(job=jobs, slow=st.booleans(), what=st.sampled_from(("cancel", "cancel", "suspend", "resume", "retry")))
    def steer(self, job: UUID | None, slow: bool, what: str) -> None:
        slow &= self.slow_producers
        connection = self.slow_producer if slow else self.producer
        self.open |= slow
        with suppress(errors.LockNotAvailable, errors.NoDataFound), self.asking(connection, slow=slow):
            row = connection.execute(f"SELECT indexjob.{what}(%s)", (job,)).fetchone()
            if what == "retry" and row == (True,):
                assert job is not None
                assert not self.published[job]

    @rule(job=jobs, slow=st.booleans(), priority=st.integers(0, 2))
    def revise(self, job: UUID | None, slow: bool, priority: int) -> None:
        slow &= self.slow_producers
        connection = self.slow_producer if slow else self.producer
        self.open |= slow
        with suppress(errors.LockNotAvailable, errors.NoDataFound), self.asking(connection, slow=slow):
            connection.execute("SELECT indexjob.revise(%s, %s)", (job, json.dumps({"priority": priority})))

    @rule(slow=st.booleans(), tenant=st.sampled_from((None, *TENANTS)))
    def redrive(self, slow: bool, tenant: str | None) -> None:
        slow &= self.slow_producers
        connection = self.slow_producer if slow else self.producer
        self.open |= slow
        with suppress(errors.LockNotAvailable), self.asking(connection, slow=slow):
            connection.execute("SELECT indexjob.redrive(tenant => %s)", (tenant,))

    @precondition(lambda self: self.open)
    @rule(commit=st.booleans())
    def end_transaction(self, commit: bool) -> None:
        if commit:
            with suppress(errors.LockNotAvailable):
                self.slow_producer.commit()
            self.committed |= self.uncommitted & self.ids()
        self.slow_producer.rollback()
        self.uncommitted.clear()
        self.open = False

    @rule(
        paused=st.sampled_from((False, False, False, True)),
        cap=st.sampled_from((None, None, 1, 3)),
        tenant_cap=st.sampled_from((None, None, 1)),
    )
    def administer(self, paused: bool, cap: int | None, tenant_cap: int | None) -> None:
        self.admin.execute("SELECT indexjob.pause()" if paused else "SELECT indexjob.unpause()")
        self.admin.execute("UPDATE indexjob.settings SET running_cap = %s", (cap,))
        self.admin.execute("UPDATE indexjob.tenants SET cap = %s WHERE name = 'default'", (tenant_cap,))

    @rule()
    def prune(self) -> None:
        """Of what has finished, all goes that nobody holds or waits for; nothing else does."""
        finished = self.ids("WHERE finished_at IS NOT NULL")
        with suppress(errors.LockNotAvailable), self.maybe_held():
            self.producer.execute("SELECT indexjob.prune('0')")
            self.pruned |= finished - self.ids()

    # operators

    @precondition(lambda self: not self.recording and not self.claiming and self.tokens)
    @rule()
    def take_over(self) -> None:
        """It would wait for what the leader has open: that is tested by itself."""
        self.admin.execute("UPDATE indexjob.lease SET expires_at = clock_timestamp() - interval '1 second'")
        row = self.admin.execute("SELECT indexjob.acquire_lease('machine', '1 hour')").fetchone()
        assert row
        self.epochs.append(row[0])

    @precondition(lambda self: not self.claiming)
    @rule(wanted=st.sampled_from((1, 1, 10)), slow=st.sampled_from((False, False, True)))
    def claim(self, wanted: int, slow: bool) -> None:
        heads = self.admin.execute(HEADS).fetchall()
        busy = self.admin.execute("SELECT count(*) FROM indexjob.slots").fetchone()
        claiming = self.claimer if slow else self.admin
        claimed = self.lead("SELECT id, launch FROM indexjob.claim(%s, %s, 4, 'ns')", wanted, through=claiming)
        self.claiming = slow
        paused, cap = self.admin.execute("SELECT claiming_paused, running_cap FROM indexjob.settings").fetchone() or (
            None,
            None,
        )
        assert busy
        assert not claimed or (not paused and busy[0] + len(claimed) <= min(4, cap or 4))
        if slow:
            self.claimed_slowly = claimed
        else:
            self.note_tokens(claimed)
        held_up = self.open or self.recording or self.sweep_owed
        if not held_up:
            assert {job for job, _ in claimed} <= {head[0] for head in heads}, (
                "only the next of a free repository is claimed"
            )
        if not held_up and wanted == 1 and claimed:
            (mine,) = (head for head in heads if head[0] == claimed[0][0])
            assert not [head for head in heads if head[1] == mine[1] and (-head[2], head[3]) < (-mine[2], mine[3])], (
                "priority, then age"
            )

    @precondition(lambda self: self.claiming)
    @rule(commit=st.booleans())
    def end_claim(self, commit: bool) -> None:
        """Committed, or cut off: then nothing of it was."""
        self.claimer.commit() if commit else self.claimer.rollback()
        self.note_tokens(self.claimed_slowly if commit else [])
        self.claiming = False

    def note_tokens(self, claimed: list[tuple[UUID, int]]) -> None:
        for job, launch in claimed:
            token = self.admin.execute("SELECT indexjob.launch_token(%s, %s)", (job, launch)).fetchone()
            assert token
            self.tokens.append(Launch(job, launch, token[0]))

    @precondition(lambda self: self.tokens)
    @rule(
        data=st.data(),
        slow=st.booleans(),
        what=st.sampled_from(("running", "finish", "finish", "requeue", "lose")),
    )
    def record(self, data: st.DataObject, slow: bool, what: str) -> None:
        if not (under_way := self.admin.execute(LAUNCHES, (True,)).fetchall()):
            return
        job, launch = data.draw(st.sampled_from(under_way))
        through = self.beside(slow)
        if what == "running":
            self.lead("SELECT indexjob.record_running(%s, %s, %s)", job, launch, through=through)
        elif what == "finish":
            others = data.draw(st.lists(st.sampled_from(under_way), max_size=2))
            self.finish((job, launch), *others, through=through)
        else:
            query = "SELECT indexjob.record_requeued(%s, %s, %s, NULL, 'NodeLost', 's', 0, %s)"
            self.lead(query, job, launch, what == "lose", through=through)

    @precondition(lambda self: self.tokens)
    @rule(data=st.data(), slow=st.booleans())
    def take_down(self, data: st.DataObject, slow: bool) -> None:
        if going := self.admin.execute(LAUNCHES, (False,)).fetchall():
            launch = data.draw(st.sampled_from(going))
            self.lead("SELECT indexjob.release_slot(%s, %s, %s)", *launch, through=self.beside(slow))

    def beside(self, slow: bool) -> psycopg.Connection:
        """What records: in a transaction of its own that stays open after one call, or at once."""
        if not slow or self.recording:
            return self.admin
        self.recording = True
        return self.recorder

    @precondition(lambda self: self.recording)
    @rule(commit=st.booleans())
    def end_recording(self, commit: bool) -> None:
        self.recorder.commit() if commit else self.recorder.rollback()
        self.recording = False

    @precondition(lambda self: not self.claiming and self.tokens)
    @rule()
    def sweep(self) -> None:
        self.lead("SELECT indexjob.mend(%s)")
        self.sweep_owed = False

    @precondition(lambda self: len(self.epochs) > 1)
    @rule(query=st.sampled_from(("claim(%s, 5, 5, 'ns')", "mend(%s)", "record_finished(%s, '[]')")))
    def a_deposed_leader_wakes_up(self, query: str) -> None:
        with pytest.raises(errors.Error) as refused:
            self.admin.execute(f"SELECT indexjob.{query}".encode(), (self.epochs[-2],))
        assert refused.value.sqlstate == DEPOSED

    # workers

    @precondition(lambda self: self.tokens)
    @rule(data=st.data(), slow=st.booleans())
    def publish(self, data: st.DataObject, slow: bool) -> None:
        """Any launch that ever was tries: only one that is under way may, and once."""
        slow &= self.publishing is None
        launch = data.draw(st.sampled_from(self.tokens))
        before = self.admin.execute(
            "SELECT launch = %s AND state IN ('launching', 'running') AND verdict IS NULL FROM indexjob.index_jobs WHERE id = %s",
            (launch.number, launch.job_id),
        ).fetchone() or (False,)
        connection = self.slow_worker if slow else self.worker
        connection.execute("SELECT")  # opens what stays open
        try:
            with self.maybe_held():
                IndexWriter(connection, launch, 1).publish("c", [], Graph(b"g", ((), ())))
        except (FencedError, AlreadyPublishedError):
            assert not before[0]
        except errors.LockNotAvailable:
            pass
        else:
            assert before[0]
            if slow:
                self.publishing = launch
            else:
                self.published[launch.job_id] += 1
        if slow and self.publishing is None:
            connection.rollback()

    @precondition(lambda self: self.publishing)
    @rule(commit=st.booleans())
    def end_publishing(self, commit: bool) -> None:
        assert self.publishing
        if commit:
            self.slow_worker.commit()
            self.published[self.publishing.job_id] += 1
        self.slow_worker.rollback()
        self.publishing = None

    # what must be

    @invariant()
    def every_invariant_holds(self) -> None:
        """What the sweep is there to mend as well, unless a producer left a transaction open since the last one: the leader alone leaves nothing undone."""
        self.sweep_owed |= self.open
        patience = "1 hour" if self.sweep_owed or self.recording or self.claiming else "0"
        broken = self.admin.execute("SELECT * FROM indexjob.check_invariants(%s::interval)", (patience,)).fetchall()
        assert broken == []

    @invariant()
    def nothing_is_lost_or_published_twice(self) -> None:
        assert self.committed - self.pruned <= self.ids()
        assert all(count == 1 for count in self.published.values())

    def everything_ends(self) -> None:
        """With nobody in the way any more, all comes to an end, and what was published is completed."""
        self.admin.execute("SELECT indexjob.unpause()")
        self.admin.execute("UPDATE indexjob.settings SET running_cap = NULL")
        self.admin.execute("UPDATE indexjob.tenants SET cap = NULL")
        self.admin.execute("UPDATE indexjob.index_jobs SET run_after = now() WHERE run_after > now()")
        self.lead("SELECT indexjob.mend(%s)")
        assert self.admin.execute("SELECT * FROM indexjob.check_invariants('0')").fetchall() == []
        for (job,) in self.admin.execute("SELECT id FROM indexjob.index_jobs WHERE state = 'suspended'").fetchall():
            self.producer.execute("SELECT indexjob.resume(%s)", (job,))
        for _ in range(200):
            for job, launch in self.admin.execute(LAUNCHES, (False,)).fetchall():
                self.lead("SELECT indexjob.release_slot(%s, %s, %s)", job, launch)
            for job, launch in self.admin.execute(LAUNCHES, (True,)).fetchall():
                self.finish((job, launch))
            if not self.lead("SELECT id FROM indexjob.claim(%s, 10, 10, 'ns')"):
                break
        left = self.admin.execute(
            "SELECT id, state, line FROM indexjob.index_jobs WHERE finished_at IS NULL"
        ).fetchall()
        assert left == [], "stuck"
        assert self.admin.execute("SELECT * FROM indexjob.check_invariants('0')").fetchall() == []
        assert self.ids("WHERE state = 'completed' AND gave_way_to IS NULL") == set(self.published) - self.pruned

    # how

    def ids(self, where: str = "") -> set[UUID]:
        return {row[0] for row in self.admin.execute(f"SELECT id FROM indexjob.index_jobs {where}".encode())}

    def finish(self, *launches: tuple[UUID, int], through: psycopg.Connection | None = None) -> None:
        ended = [
            {"id": str(job), "launch": launch, "reason": "PermanentError", "message": "m"} for job, launch in launches
        ]
        self.lead("SELECT indexjob.record_finished(%s, %s)", json.dumps(ended), through=through)

    def lead(self, query: str, *values: object, through: psycopg.Connection | None = None) -> list[tuple[Any, ...]]:
        """As the leader; it may find a row held by an open transaction, and comes back another time."""
        connection = through or self.admin
        connection.execute("SELECT")  # opens what stays open: what follows is a part of it, that may fail
        with suppress(errors.LockNotAvailable), self.maybe_held(), connection.transaction():
            return connection.execute(query.encode(), (self.epochs[-1], *values)).fetchall()
        return []

    @contextmanager
    def asking(self, connection: psycopg.Connection, *, slow: bool) -> Iterator[None]:
        """What is refused costs a transaction that stays open nothing else."""
        with self.maybe_held():
            connection.execute("SAVEPOINT s") if slow else None
            try:
                yield
            except errors.Error:
                connection.execute("ROLLBACK TO s") if slow else None
                raise

    def maybe_held(self) -> _MaybeHeld:
        return _MaybeHeld(self.open or self.recording or self.claiming or self.publishing is not None)


class _MaybeHeld:
    """Waiting for a lock is allowed only while a transaction is open that may hold it."""

    def __init__(self, is_open: bool) -> None:
        self.is_open = is_open

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if kind is not None and issubclass(kind, errors.LockNotAvailable):
            assert self.is_open, f"waited for nobody: {error}"


@pytest.fixture
def machine(database: str) -> type[QueueMachine]:
    QueueMachine.dsn = database
    return QueueMachine


def test_whatever_happens_in_whatever_order(machine: type[QueueMachine]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=30,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
