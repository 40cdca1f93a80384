"""From what each file imports to what each file needs, and who needs himself.

Resolving reads the imports of the whole commit, so it is done once for each combination of what it depends on: paths,
imports and manifests. The next commit mostly changes none of them.
"""

from collections.abc import Iterator
from hashlib import sha256
from itertools import groupby, islice
from operator import itemgetter
from typing import Final

from indexjob.index import Cycle, Graph, IndexWriter
from indexjob_worker.catalog import AT_ONCE, Catalog, Paths
from indexjob_worker.git.objects import Objects
from indexjob_worker.graph import Edges, circles
from indexjob_worker.languages import LANGUAGES
from indexjob_worker.model import Dependency, Import
from indexjob_worker.resolvers import ImportingFile, Tree, resolve
from indexjob_worker.version import EXTRACTOR_VERSION

RESOLVER_VERSION: Final = 3
"""Raise it whenever the same imports, paths and manifests give other dependencies."""


def graph(catalog: Catalog, objects: Objects, writer: IndexWriter) -> Graph:
    """The commit's graph; its rows only if Postgres does not hold them yet."""
    digest = _digest(catalog)
    if writer.graph_is_known(digest):
        return Graph(digest, None)
    for number, data in objects.contents(catalog.unread_manifests()):
        if data is not None:
            catalog.read(number, data)
    edges = _resolved(catalog, writer)
    cycles = [Cycle(size, list(map(catalog.path, circle))) for size, circle in circles(edges)]
    return Graph(digest, (catalog.dependencies(), cycles))


def _resolved(catalog: Catalog, writer: IndexWriter) -> Edges:
    """Every dependency into the catalog; those on files of the commit also as what circles are looked for in."""
    paths = catalog.paths()
    edges = Edges()
    found = resolve(_sources(catalog, writer), Tree(paths, catalog.manifests()))
    catalog.need(_numbered(found, paths, edges))
    return edges


def _numbered(found: Iterator[Dependency], paths: Paths, edges: Edges) -> Iterator[tuple[int, int | None, str, str]]:
    """The same with numbers for paths; its edges are added on the way."""
    number = paths.number
    for path, rows in groupby(found, key=itemgetter(0)):
        source = number(path)
        assert source is not None
        numbered = [(source, None if dst is None else number(dst), spec, kind) for _, dst, spec, kind in rows]
        edges.add(source, (target for _, target, _, _ in numbered if target is not None))
        yield from numbered


def _sources(catalog: Catalog, writer: IndexWriter) -> Iterator[ImportingFile]:
    """The files with their imports, which are never in memory all at once."""
    extracted = catalog.extracted()
    while some := list(islice(extracted, AT_ONCE)):
        imports = dict(writer.imports({content_id for _, _, content_id in some}))
        for path, language, content_id in some:
            if content_id in imports:
                yield ImportingFile(path, LANGUAGES[language], list(map(Import._make, imports[content_id])))


def _digest(catalog: Catalog) -> bytes:
    """Names everything that the graph is computed from."""
    digest = sha256(f"{EXTRACTOR_VERSION} {RESOLVER_VERSION}".encode())
    for path, language, imports, manifest in catalog.resolved_from():
        digest.update(f"\0{path}\0{language or ''}\0{manifest or ''}\0".encode() + (imports or b""))
    return digest.digest()
