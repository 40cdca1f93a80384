"""From what each file imports to what each file needs, and who needs himself.

Resolving reads the imports of the whole commit, so it is done once for each combination of what it depends on: paths,
imports and manifests. The next commit mostly changes none of them.
"""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Final

from indexjob.index import BlobKey, Content, Cycle, Graph, IndexWriter
from indexjob_worker.discover import Found
from indexjob_worker.git.objects import Objects
from indexjob_worker.graph import circles
from indexjob_worker.languages import LANGUAGES
from indexjob_worker.model import Import
from indexjob_worker.resolvers import ImportingFile, manifest_paths, resolve
from indexjob_worker.version import EXTRACTOR_VERSION

RESOLVER_VERSION: Final = 2
"""Raise it whenever the same imports, paths and manifests give other dependencies."""
LARGEST_MANIFEST: Final = 1024 * 1024
FILES_AT_ONCE: Final = 2_000
"""Whose imports are read in one go."""
NOT_REGULAR: Final = frozenset({"symlink", "submodule"})


def graph(files: list[Found], contents: Mapping[BlobKey, Content], objects: Objects, writer: IndexWriter) -> Graph:
    """The commit's graph; its rows only if Postgres does not hold them yet."""
    regular = {found.path: found for found in files if found.status not in NOT_REGULAR}
    manifests = [regular[path] for path in manifest_paths(regular) if (regular[path].size or 0) <= LARGEST_MANIFEST]
    importing = [
        (found, content) for found in files if found.status is None and (content := contents.get(found.key)) is not None
    ]
    digest = _digest(regular, manifests, importing)
    if writer.graph_is_known(digest):
        return Graph(digest, None)
    read = objects.contents([found.sha for found in manifests])
    texts = {found.path: data for found, data in zip(manifests, read, strict=True) if data is not None}
    dependencies = resolve(_sources(importing, writer), regular, texts)
    return Graph(digest, (dependencies, list(map(Cycle._make, circles(dependencies)))))


def _sources(importing: list[tuple[Found, Content]], writer: IndexWriter) -> Iterator[ImportingFile]:
    """The files with their imports, which are never in memory all at once."""
    for at in range(0, len(importing), FILES_AT_ONCE):
        some = importing[at : at + FILES_AT_ONCE]
        imports = dict(writer.imports({content.id for _, content in some}))
        for found, content in some:
            if content.id in imports:
                rows = list(map(Import._make, imports[content.id]))
                yield ImportingFile(found.path, LANGUAGES[found.key.language], rows)


def _digest(paths: Iterable[str], manifests: Iterable[Found], importing: Iterable[tuple[Found, Content]]) -> bytes:
    """Names everything that the graph is computed from."""
    digest = sha256(f"{EXTRACTOR_VERSION} {RESOLVER_VERSION}".encode())
    for path in sorted(paths):
        digest.update(b"\0" + path.encode())
    for found in manifests:
        digest.update(f"\0\1{found.path}\0{found.sha}".encode())
    for found, content in importing:
        digest.update(f"\0\2{found.path}\0{found.language}\0".encode() + content.imports_digest)
    return digest.digest()
