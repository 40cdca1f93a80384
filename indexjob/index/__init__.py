"""How a worker puts an index into Postgres: one sync psycopg connection in autocommit, role `indexjob_worker`.

What a blob holds is kept once per tenant, language and extractor version, so a commit costs what it changed.
The order of a run:

    index = IndexWriter(connection, launch, extractor_version, limits.of_files)

    contents = index.stored(keys)        # {BlobKey: Content} of those that need no extraction; any number of keys,
                                         #   in batches if the answers are not to be in memory together
    contents |= index.store(blobs)       # a batch of some MB of the others; each call is a transaction of its own,
    ...                                  #   and none is open in between

    imports = {}                         # a known graph need not be computed: its hash may be over what it is made of,
    if not index.graph_is_known(hash):   #   (path, content.imports_digest) of all files and the resolvers' own inputs
        imports = dict(index.imports(content_ids))      # {content id: [ImportRow]}; those without any are left out
    stats = index.publish(commit, files, Graph(hash, rows or None), seconds={"clone": 1.5, ...})

    stats = index.publish_unchanged(commit)             # instead of all that, when the run spec knows the commit

`files` are all of the commit's entries, in git's order, each with its status (`File`; its path from `display_path`). `publish` is one
transaction: manifest, graph, snapshot, the revision's pointer and the job's verdict all at once or not at all; with the
same files again it writes only the pointer. `stats` is what the job's row says: files, files_failed (syntax_error,
too_complex, unreadable, timeout, crash), symbols, references, dependencies, cycles, and seconds (by step).

Errors: the kinds of `PublishError`, which carry reason and exit code; `psycopg.OperationalError` when the connection is
lost (transient). Whatever fails, beginning again with `stored` on a new connection is right: what was stored stays, and
nothing is doubled.
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
