"""Tells Postgres how far the run is, and that it lives, without ever standing in its way.

A thread with a connection of its own makes short writes. A database that is away for a while is waited for; a launch
that is no longer current ends the run.
"""

import threading
import time
from contextlib import suppress
from typing import Any, Final, NamedTuple

import psycopg
from psycopg.types.json import Jsonb

from indexjob.index import Launch
from indexjob.outcome import ExitCode, Outcome, Reason
from indexjob_worker.control import Control
from indexjob_worker.database import FENCED, LOST, Database, understood
from indexjob_worker.errors import Stop
from indexjob_worker.journal import Journal

SHORTEST_PAUSE: Final = 0.3
"""Seconds between two writes: progress moves faster than anybody looks."""
LASTING_SECONDS: Final = 120.0
"""A database that is away for longer ends the run: its result could not be stored either."""
LAST_WORDS_SECONDS: Final = 5


class Pod(NamedTuple):
    """Which pod this is, as far as Kubernetes told."""

    uid: str
    name: str | None
    node: str | None


class Reporter:
    """The sign of life of one attempt."""

    def __init__(
        self,
        database: Database,
        launch: Launch,
        pod: Pod,
        heartbeat_seconds: float,
        journal: Journal,
        control: Control,
    ) -> None:
        self._database = database
        self._launch = launch
        self._pod = pod
        self._heartbeat_seconds = heartbeat_seconds
        self._journal = journal
        self._control = control
        self._said: tuple[str, int] = ("discover", 0)
        self._changed = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._live, name="reporter", daemon=True)
        self._connection: psycopg.Connection[Any] | None = None

    def begin(self, connection: psycopg.Connection[Any]) -> None:
        """Insert the attempt's row and start to report.

        Raises:
            FencedError: this launch is not, or no longer, the current one.
            DatabaseError: the row could not be written.
        """
        values = [*self._launch, *self._pod]
        with understood(self._journal):
            row = connection.execute("SELECT indexjob.start_attempt(%s, %s, %s, %s, %s, %s)", values).fetchone()
        self._journal.about(attempt=row[0] if row else None)
        self._thread.start()

    def say(self, step: str, progress: float) -> None:
        """The run is at this step, and this far (0 to 100). Costs nothing: the thread writes it down."""
        said = (step, int(progress))
        if said != self._said:
            if step != self._said[0]:
                self._journal.about(step=step)
                self._journal.info("step", f"Begins to {step}" if step != "dependencies" else "Resolves dependencies")
            self._said = said
            self._changed.set()

    def finish(self, outcome: Outcome) -> None:
        """The attempt's last words, with the end of its log. Best effort: the termination message says it too."""
        self._ended.set()
        self._changed.set()
        if not self._thread.ident:
            return
        self._thread.join(LAST_WORDS_SECONDS)
        values = [
            *(self._launch[0], self._pod.uid, *self._launch[1:], int(outcome.exit_code), outcome.reason),
            *(outcome.message, outcome.peak_memory_bytes, Jsonb(outcome.steps), self._journal.tail()),
        ]
        try:
            with self._database.connect(LAST_WORDS_SECONDS) as connection:
                connection.execute("SELECT indexjob.finish_attempt(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)", values)
        except psycopg.Error as error:
            self._journal.warning("last_words", "The attempt's row could not be finished", error=str(error))

    def _live(self) -> None:
        failing_since: float | None = None
        while not self._ended.is_set():
            self._changed.clear()
            try:
                current = self._write(*self._said)
            except psycopg.Error as error:
                failing_since = failing_since or time.monotonic()
                self._journal.warning("no_heartbeat", "Progress could not be reported", error=str(error))
                self._hang_up()
                if time.monotonic() - failing_since > LASTING_SECONDS:
                    return self._control.stop(Stop(Reason.DATABASE_ERROR, ExitCode.TRANSIENT, LOST))
                self._ended.wait(min(1.0 + (time.monotonic() - failing_since) / 4, 15.0))
                continue
            failing_since = None
            if not current:
                return self._control.stop(Stop(Reason.FENCED, ExitCode.BAD_INPUT, FENCED))
            self._ended.wait(SHORTEST_PAUSE)
            self._changed.wait(self._heartbeat_seconds)
        return self._hang_up()

    def _write(self, step: str, progress: int) -> bool:
        if self._connection is None:
            self._connection = self._database.connect()
        row = self._connection.execute(
            "SELECT indexjob.report_progress(%s, %s, %s, %s, %s)", [*self._launch, step, progress]
        ).fetchone()
        return bool(row and row[0])

    def _hang_up(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None
