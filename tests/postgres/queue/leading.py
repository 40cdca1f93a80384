"""The leader's calls, for tests that play the operator."""

from __future__ import annotations

import json
from uuid import UUID

import psycopg

TTL = "30 seconds"


class Leader:
    """The operator's calls, as plain as they are."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection
        self.epoch = self.value("SELECT indexjob.acquire_lease('test', %s::interval)", TTL)

    def value(self, query: str, *values: object) -> object:
        row = self.connection.execute(query, values).fetchone()
        return row[0] if row else None

    def enqueue(self, name: str = "a", **arguments: object) -> UUID:
        extra = "".join(f", {k} => %s" for k in arguments)
        return self.value(f"SELECT indexjob.enqueue(%s{extra})", f"https://example.org/{name}", *arguments.values())  # type: ignore[return-value]

    def claim(self, wanted: int = 10, *, at_once: int = 1000) -> list[UUID]:
        return [
            row[0]
            for row in self.connection.execute(
                "SELECT id FROM indexjob.claim(%s, %s, %s, 'ns')", (self.epoch, wanted, at_once)
            )
        ]

    def finish(self, *ids: UUID, reason: str = "PermanentError") -> list[UUID]:
        ended = [{"id": str(i), "launch": self.row(i)["launch"], "reason": reason, "message": "m"} for i in ids]
        return [
            row[0]
            for row in self.connection.execute(
                "SELECT indexjob.record_finished(%s, %s)", (self.epoch, json.dumps(ended))
            )
        ]

    def publish(self, job: UUID, verdict: str = "completed") -> None:
        self.connection.execute(
            "UPDATE indexjob.index_jobs SET verdict = %s, commit = 'c' WHERE id = %s", (verdict, job)
        )

    def row(self, job: UUID) -> dict[str, object]:
        cursor = self.connection.execute(
            "SELECT *, state::text AS state, line::text AS line FROM indexjob.index_jobs WHERE id = %s", (job,)
        )
        names = [c.name for c in cursor.description or []]
        return dict(zip(names, cursor.fetchone() or (), strict=True))

    def broken_invariants(self) -> list[tuple[object, ...]]:
        """After a sweep: what the sweep is there to mend must be mended by now."""
        self.connection.execute("SELECT indexjob.mend(%s)", (self.epoch,))
        return self.connection.execute("SELECT * FROM indexjob.check_invariants('0')").fetchall()
