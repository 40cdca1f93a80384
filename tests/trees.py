"""Commits that consist of nothing but paths and manifests, for what is resolved in them."""

from collections.abc import Iterable, Mapping

from indexjob_worker.catalog import Catalog, Found
from indexjob_worker.manifests import is_manifest
from indexjob_worker.resolvers import Tree


def tree_of(paths: Iterable[str], manifests: Mapping[str, bytes]) -> Tree:
    """Regular files at these paths, kept as a run keeps them."""
    catalog = Catalog(None)
    found = sorted({*paths, *manifests}, key=str.encode)
    catalog.add(
        [Found(path, path.encode(), "0" * 40, 1, "unsupported", is_manifest=path in manifests) for path in found]
    )
    for number, path in enumerate(found, 1):
        if path in manifests:
            catalog.read(number, manifests[path])
    return Tree(catalog.paths(), catalog.manifests())


def manifests_of(tree: Mapping[str, str]) -> dict[str, bytes]:
    """Those of a tree's texts that have to be read first."""
    return {path: text.encode() for path, text in tree.items() if is_manifest(path)}
