"""How a worker puts an index into Postgres: one sync psycopg connection in autocommit, role `indexjob_worker`.

What a blob holds is kept once per tenant, language and extractor version, so a commit costs what it changed. The order of a run:

    index = IndexWriter(connection, tenant, extractor_version)

    contents = index.stored(keys)                    # {BlobKey: Content} of those that are there already; any number of keys
    contents |= index.store(blobs)                   # a batch of some MB of new ones; each call is one transaction of its own
    ...                                              # no transaction is open between the calls

    if not index.graph_is_known(graph_hash):         # e.g. a hash over (path, content.imports_digest) of all files and the
        imports = dict(index.imports(content_ids))   #   resolvers' own inputs; {content id: [ImportRow]} to compute it from
    stats = index.publish(launch, commit, files, Graph(graph_hash, rows or None), seconds={"clone": 1.5, ...})

    stats = index.publish_unchanged(launch, commit)  # instead of all that, when the run spec knows the commit

`files` are all of the commit's entries, each with its status (`File`; its path from `display_path`). `publish` is one transaction: manifest,
graph, snapshot, the revision's pointer and the job's verdict all at once or not at all; with the same files again it writes only the pointer.
`stats` is what the job's row says: files, files_failed, symbols, references, dependencies, cycles, seconds (by step).

Errors: `PublishError` and its kinds, which carry reason and exit code; `psycopg.OperationalError` when the connection is lost (transient).
Whatever fails, calling again from `stored` on a new connection is right: what was stored stays, and nothing is doubled.
"""

from indexjob.index.errors import (
    AlreadyPublishedError,
    ContentGoneError,
    FencedError,
    PublishError,
    UnknownSnapshotError,
)
from indexjob.index.rows import (
    MAX_PATH_BYTES,
    Blob,
    BlobKey,
    Content,
    Cycle,
    DefinitionRow,
    DependencyRow,
    File,
    Graph,
    ImportRow,
    Launch,
    ReferenceRow,
    display_path,
    imports_digest,
)
from indexjob.index.writer import IndexWriter

__all__ = [
    "MAX_PATH_BYTES",
    "AlreadyPublishedError",
    "Blob",
    "BlobKey",
    "Content",
    "ContentGoneError",
    "Cycle",
    "DefinitionRow",
    "DependencyRow",
    "FencedError",
    "File",
    "Graph",
    "ImportRow",
    "IndexWriter",
    "Launch",
    "PublishError",
    "ReferenceRow",
    "UnknownSnapshotError",
    "display_path",
    "imports_digest",
]
