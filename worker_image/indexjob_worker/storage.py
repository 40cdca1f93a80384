"""Stores batches while the next ones are extracted: a thread with the writer's connection to itself.

At most one batch is being stored and one waits, which bounds the memory of the run, not of the repository. A connection
that breaks is made again once for each batch: what was stored stays, and nothing is doubled.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final

import psycopg

from indexjob.index import Blob, BlobKey, Content, IndexWriter, Launch
from indexjob_worker.database import understood
from indexjob_worker.journal import Journal

BATCH_ROWS: Final = 10_000
"""Rows that are stored in one transaction: some MB of memory, some tens of milliseconds of Postgres."""


class Storage:
    """Takes blobs, and tells under which content they are kept."""

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection[Any]],
        launch: Launch,
        extractor_version: int,
        limits: str,
        journal: Journal,
    ) -> None:
        self._connect = connect
        self._key = (launch, extractor_version, limits)
        self._journal = journal
        self.connection = connect()
        self.seconds = 0.0
        """Time spent storing; most of it beside extraction."""
        self._stored: deque[dict[BlobKey, Content]] = deque()
        self._blobs: list[Blob] = []
        self._rows = 0
        self._batches: queue.Queue[list[Blob] | None] = queue.Queue(1)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._live, name="storage", daemon=True)

    @property
    def writer(self) -> IndexWriter:
        """The index, over the present connection. Not for use between the first `add` and `finish`."""
        return IndexWriter(self.connection, *self._key)

    def add(self, blob: Blob) -> None:
        """Store it, sooner or later. Waits while two batches are under way.

        Raises:
            DatabaseError: an earlier one could not be stored.
        """
        self._blobs.append(blob)
        self._rows += 1 + len(blob.definitions) + len(blob.references) + len(blob.imports)
        if self._rows >= BATCH_ROWS:
            self._pass_on()

    def stored(self) -> Iterator[dict[BlobKey, Content]]:
        """Under which content they are kept: of the batches that were stored since this was asked last."""
        while self._stored:
            yield self._stored.popleft()

    def finish(self) -> None:
        """Store the rest.

        Raises:
            DatabaseError: something could not be stored.
        """
        if self._blobs:
            self._pass_on()
        if self._thread.ident:
            self._put(None)
            self._thread.join()
            self._raise()

    def _pass_on(self) -> None:
        batch, self._blobs, self._rows = self._blobs, [], 0
        if not self._thread.ident:
            self._thread.start()
        self._put(batch)

    def _put(self, batch: list[Blob] | None) -> None:
        self._raise()
        self._batches.put(batch)

    def _raise(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _live(self) -> None:
        while (batch := self._batches.get()) is not None:
            if self._failure is None:  # after one, the rest is only taken, so that nobody waits for ever
                try:
                    with understood(self._journal):
                        self._stored.append(self._store(batch))
                except BaseException as failure:  # noqa: BLE001 - raised where the run goes on
                    self._failure = failure

    def _store(self, batch: list[Blob]) -> dict[BlobKey, Content]:
        try:
            return self.writer.store(batch)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            self._journal.warning("store_again", "A batch could not be stored; connecting again", error=str(error))
            self.connection.close()
            self.connection = self._connect()
            return self.writer.store(batch)
