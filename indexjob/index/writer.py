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

FIND = """
SELECT c.id, encode(c.blob_sha, 'hex'), c.language, c.status::text, c.lines, c.imports_digest,
    c.unused_since IS NOT NULL
FROM unnest(%b::bytea[], %b::text[]) AS k (blob_sha, language)
JOIN indexjob.content c ON c.blob_sha = k.blob_sha AND c.language = k.language
WHERE c.tenant = %s AND c.extractor_version = %s
"""

KEEP = """
UPDATE indexjob.content c SET unused_since = clock_timestamp()
FROM (SELECT id FROM indexjob.content WHERE id = ANY (%b) ORDER BY id FOR NO KEY UPDATE) k
WHERE c.id = k.id AND c.unused_since IS NOT NULL
"""

ADD = """
INSERT INTO indexjob.content
    (tenant, extractor_version, blob_sha, language, size, lines, status, symbols, symbol_references, imports_digest)
SELECT %s, %s, n.blob_sha, n.language, n.size, n.lines, n.status, n.symbols, n.refs, n.digest
FROM unnest(
    %b::bytea[], %b::text[], %b::bigint[], %b::integer[], %b::text[]::indexjob.file_status[],
    %b::integer[], %b::integer[], %b::bytea[]
) WITH ORDINALITY AS n (blob_sha, language, size, lines, status, symbols, refs, digest, place)
ORDER BY n.place
ON CONFLICT DO NOTHING
RETURNING id, encode(blob_sha, 'hex'), language
"""

OPEN_MANIFEST = "SELECT id, is_new FROM indexjob.open_manifest(%s, %s)"
OPEN_GRAPH = "SELECT id, is_new FROM indexjob.open_graph(%s, %s)"


class IndexWriter:
    """One worker's hand on the index: one tenant, one extractor version, one connection (sync, autocommit).

    `limits` names those under which a commit's files were taken or left (`Limits.of_files`).
    """

    def __init__(
        self, connection: psycopg.Connection[Any], tenant: str, extractor_version: int, limits: str = ""
    ) -> None:
        self._connection = connection
        self._tenant = tenant
        self._version = extractor_version
        self._limits = limits

    def stored(self, keys: Iterable[BlobKey]) -> dict[BlobKey, Content]:
        """Those of these blobs that need no extraction. They are kept at least until this run is over."""
        found: dict[BlobKey, Content] = {}
        for some in _batches(keys, LOOKUP_SIZE):
            rows = self._find(some)
            unused = [row[0] for row in rows if row[-1]]
            if unused:
                # They may be about to be collected: those that are there still after this are kept.
                self._connection.execute(KEEP, [unused])
                rows = self._find(some)
            found |= _contents(rows)
        return found

    def store(self, blobs: Iterable[Blob]) -> dict[BlobKey, Content]:
        """Keep a batch of extractions, in one transaction. What another worker stored meanwhile stays as it is.

        In the order of their keys, so that workers with the same content wait for each other in turn.
        """
        batch = {blob.key: blob for blob in sorted(blobs, key=itemgetter(0))}
        with self._connection.transaction():
            new = self._add(list(batch.values()))
            copy_blobs(self._connection, [(content_id, batch[key]) for key, content_id in new.items()])
        return _contents(self._find(list(batch)))

    def imports(self, content_ids: Iterable[int]) -> Iterator[tuple[int, list[ImportRow]]]:
        """Each content's imports (where it has any), for the dependency graph."""
        for some in _batches(content_ids, LOOKUP_SIZE):
            rows = self._connection.execute(
                "SELECT content_id, ord, kind::text, spec, name, alias, line FROM indexjob.import"
                " WHERE content_id = ANY (%b) ORDER BY content_id, ord",
                [some],
            )
            for content_id, group in groupby(rows, key=itemgetter(0)):
                yield content_id, [row[1:] for row in group]

    def graph_is_known(self, graph_hash: bytes) -> bool:
        """Whether the graph with this hash need not be computed."""
        row = self._connection.execute("SELECT indexjob.graph_is_known(%s, %s)", [self._tenant, graph_hash]).fetchone()
        return bool(row and row[0])

    def publish(
        self,
        launch: Launch,
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
                "SELECT indexjob.publish(%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [*launch, commit, self._version, manifest_id, graph_id, self._limits, Jsonb(dict(seconds or {}))],
            )

    def publish_unchanged(
        self, launch: Launch, commit: str, seconds: Mapping[str, float] | None = None
    ) -> dict[str, Any]:
        """Let the job's revision show the snapshot that is there already; the job's verdict is `skipped`.

        Raises:
            UnknownSnapshotError: there is none; the commit has to be indexed.
            PublishError: as for `publish`.
        """
        with typed_errors(), self._connection.transaction():
            return self._call(
                "SELECT indexjob.publish_unchanged(%s, %s, %s, %s, %s, %s, %s)",
                [*launch, commit, self._version, self._limits, Jsonb(dict(seconds or {}))],
            )

    def _call(self, statement: str, arguments: list[Any]) -> dict[str, Any]:
        row = self._connection.execute(statement.encode(), arguments).fetchone()
        assert row is not None
        stats: dict[str, Any] = row[0]
        return stats

    def _open(self, statement: str, content_hash: bytes) -> tuple[int, bool]:
        """The manifest or graph with this hash; True if it was made just now."""
        row = self._connection.execute(statement.encode(), [self._tenant, content_hash]).fetchone()
        assert row is not None
        return row[0], row[1]

    def _find(self, keys: Sequence[BlobKey]) -> list[tuple[Any, ...]]:
        shas = [bytes.fromhex(key.blob_sha) for key in keys]
        languages = [key.language for key in keys]
        return self._connection.execute(FIND, [shas, languages, self._tenant, self._version]).fetchall()

    def _add(self, blobs: Sequence[Blob]) -> dict[BlobKey, int]:
        """Insert the content rows that are not there yet. Those that another worker is inserting are waited for."""
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
        rows = self._connection.execute(ADD, [self._tenant, self._version, *columns])
        return {BlobKey(sha, language): content_id for content_id, sha, language in rows}


def _contents(rows: Iterable[Sequence[Any]]) -> dict[BlobKey, Content]:
    return {
        BlobKey(sha, language): Content(content_id, status, lines, digest)
        for content_id, sha, language, status, lines, digest, _ in rows
    }


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while some := list(islice(iterator, size)):
        yield some
