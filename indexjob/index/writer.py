"""Writes an index, batch by batch, and publishes it at once. See the package's docstring for the order of calls."""

from __future__ import annotations

from itertools import groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

from psycopg.types.json import Jsonb

from indexjob.index.copying import copy_blobs, copy_cycles, copy_dependencies, copy_files
from indexjob.index.errors import ContentGoneError, typed_errors
from indexjob.index.rows import Blob, BlobKey, Content, Files, Graph, ImportRow, Launch, imports_digest, manifest_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import psycopg

T = TypeVar("T")
LOOKUP_SIZE = 1_000
"""Keys asked for in one statement: bounds the memory that an answer takes."""

FIND = "SELECT * FROM indexjob.find_contents(%s, %s, %s, %s, %b::bytea[], %b::text[])"
ADD = """
SELECT * FROM indexjob.add_contents(
    %s, %s, %s, %s, %b::bytea[], %b::text[], %b::bigint[], %b::integer[], %b::text[],
    %b::integer[], %b::integer[], %b::bytea[]
)
"""
IMPORTS = "SELECT * FROM indexjob.imports_of(%s, %s, %s, %b::bigint[])"
GRAPH_IS_KNOWN = "SELECT indexjob.graph_is_known(%s, %s, %s, %s)"
OPEN_MANIFEST = "SELECT id, is_new FROM indexjob.open_manifest(%s, %s, %s, %s)"
OPEN_GRAPH = "SELECT id, is_new FROM indexjob.open_graph(%s, %s, %s, %s)"
PUBLISH = "SELECT indexjob.publish(%s, %s, %s, %s, %s, %s, %s, %s, %s)"
PUBLISH_UNCHANGED = "SELECT indexjob.publish_unchanged(%s, %s, %s, %s, %s, %s, %s)"


class IndexWriter:
    """One launch's hand on the index: its tenant's, one extractor version, one connection (sync, autocommit).

    `limits` names those under which a commit's files were taken or left (`Limits.of_files`).

    Everything asks for the launch's token, so all raise `FencedError` when the launch is over.
    """

    def __init__(
        self, connection: psycopg.Connection[Any], launch: Launch, extractor_version: int, limits: str = ""
    ) -> None:
        self._connection = connection
        self._launch = launch
        self._version = extractor_version
        self._limits = limits

    def stored(self, keys: Iterable[BlobKey]) -> dict[BlobKey, Content]:
        """Those of these blobs that need no extraction. They are kept at least until this run is over."""
        found: dict[BlobKey, Content] = {}
        for some in _batches(keys, LOOKUP_SIZE):
            columns = [bytes.fromhex(key.blob_sha) for key in some], [key.language for key in some]
            with typed_errors():
                rows = self._connection.execute(FIND, [*self._launch, self._version, *columns]).fetchall()
            found |= {BlobKey(sha, language): Content(i, *rest) for i, sha, language, *rest in rows}
        return found

    def store(self, blobs: Iterable[Blob]) -> dict[BlobKey, Content]:
        """Keep a batch of extractions, in one transaction. What another worker stored meanwhile stays as it is.

        The disk is not waited for: what is published waits for all that was written before it.
        """
        batch = {blob.key: blob for blob in blobs}
        contents: dict[BlobKey, Content] = {}
        new: list[tuple[int, Blob]] = []
        with typed_errors(), self._connection.transaction():
            self._connection.execute("SET LOCAL synchronous_commit = off")
            for content_id, sha, language, *rest, is_new in self._add(list(batch.values())):
                key = BlobKey(sha, language)
                contents[key] = Content(content_id, *rest)
                if is_new:
                    new.append((content_id, batch[key]))
            copy_blobs(self._connection, new)
        return contents

    def imports(self, content_ids: Iterable[int]) -> Iterator[tuple[int, list[ImportRow]]]:
        """Each content's imports (where it has any), for the dependency graph."""
        for some in _batches(content_ids, LOOKUP_SIZE):
            with typed_errors():
                rows = self._connection.execute(IMPORTS, [*self._launch, some]).fetchall()
            for content_id, group in groupby(rows, key=itemgetter(0)):
                yield content_id, [row[1:] for row in group]

    def graph_is_known(self, graph_hash: bytes) -> bool:
        """Whether the graph with this hash need not be computed."""
        with typed_errors():
            row = self._connection.execute(GRAPH_IS_KNOWN, [*self._launch, graph_hash]).fetchone()
        return bool(row and row[0])

    def publish(
        self,
        commit: str,
        files: Files,
        graph: Graph,
        seconds: Mapping[str, float] | None = None,
    ) -> dict[str, Any]:
        """Make this the snapshot that the job's revision shows and its verdict `completed`, or change nothing.

        Raises:
            PublishError: one of its kinds says why not, and what that means for the run.
        """
        files_hash = manifest_hash(files)
        with typed_errors(), self._connection.transaction():
            manifest_id, is_new = self._open(OPEN_MANIFEST, files_hash)
            if is_new:
                copy_files(self._connection, manifest_id, files)
            graph_id, is_new = self._open(OPEN_GRAPH, graph.hash)
            if is_new:
                if graph.rows is None:
                    raise ContentGoneError("The dependency graph that was known is not kept any more")
                dependencies, cycles = graph.rows
                copy_dependencies(self._connection, graph_id, dependencies)
                copy_cycles(self._connection, graph_id, cycles)
            return self._call(
                PUBLISH,
                [*self._launch, commit, self._version, manifest_id, graph_id, self._limits, Jsonb(dict(seconds or {}))],
            )

    def publish_unchanged(self, commit: str, seconds: Mapping[str, float] | None = None) -> dict[str, Any]:
        """Let the job's revision show the snapshot that is there already; the job's verdict is `skipped`.

        Raises:
            UnknownSnapshotError: there is none; the commit has to be indexed.
            PublishError: as for `publish`.
        """
        with typed_errors(), self._connection.transaction():
            return self._call(
                PUBLISH_UNCHANGED,
                [*self._launch, commit, self._version, self._limits, Jsonb(dict(seconds or {}))],
            )

    def _call(self, statement: str, arguments: list[Any]) -> dict[str, Any]:
        row = self._connection.execute(statement.encode(), arguments).fetchone()
        assert row is not None
        stats: dict[str, Any] = row[0]
        return stats

    def _open(self, statement: str, content_hash: bytes) -> tuple[int, bool]:
        """The manifest or graph with this hash; True if it was made just now."""
        row = self._connection.execute(statement.encode(), [*self._launch, content_hash]).fetchone()
        assert row is not None
        return row[0], row[1]

    def _add(self, blobs: Sequence[Blob]) -> Iterable[tuple[Any, ...]]:
        """Make the content rows that are not there yet. Those that another worker is making are waited for."""
        columns: list[list[Any]] = [
            [bytes.fromhex(blob.key.blob_sha) for blob in blobs],
            [blob.key.language for blob in blobs],
            [blob.size for blob in blobs],
            [blob.lines for blob in blobs],
            [blob.status for blob in blobs],
            [len(blob.definitions) for blob in blobs],
            [len(blob.references) for blob in blobs],
            [imports_digest(blob.imports) for blob in blobs],
        ]
        return self._connection.execute(ADD, [*self._launch, self._version, *columns])


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while some := list(islice(iterator, size)):
        yield some
