"""Imports to files: what each file of a commit depends on.

Pure functions over the commit's paths and its manifests; nothing is looked for on a disk, nothing is installed. What is
not of this commit stays external, under the name that the file gives it.

An import of a Go package is a dependency on each of the package's files (tests left out: nobody can import them), so
that `dependents` of a file needs no second rule. It makes no circles that aren't there: the files of a package get
their edges from importers alone, never from each other.
"""

import posixpath
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

from indexjob_worker.languages.declaration import Language, Resolver
from indexjob_worker.model import Dependency, Import
from indexjob_worker.resolvers.target import Resolve, Tree

__all__ = ["ImportingFile", "Tree", "resolve"]


class ImportingFile(NamedTuple):
    """One extracted file, as the resolvers need it."""

    path: str
    language: Language
    imports: list[Import]


def resolve(files: Iterable[ImportingFile], tree: Tree) -> Iterator[Dependency]:
    """Every dependency of every file (each given once), once, in the order of the files.

    A manifest that is missing or broken says nothing; it never raises.
    """

    @cache
    def resolver(name: Resolver) -> Resolve:
        return _resolver(name, tree)

    for path, language, imports in files:
        find = resolver(language.resolver)
        directory = posixpath.dirname(path)
        found: dict[Dependency, None] = {}
        for item in imports:
            kind, targets = find(directory, item)
            for target in targets:
                if target != path:
                    found[Dependency(path, target, item.spec, kind)] = None
            if not targets:
                found[Dependency(path, None, item.spec, kind)] = None
        yield from found


def _resolver(name: Resolver, tree: Tree) -> Resolve:
    """One of them; it is imported when a commit needs it, because that takes as long as a small commit."""
    if name == "python":
        from indexjob_worker.resolvers.python import python_resolver  # noqa: PLC0415

        return python_resolver(tree)
    if name == "go":
        from indexjob_worker.resolvers.go import go_resolver  # noqa: PLC0415

        return go_resolver(tree)
    from indexjob_worker.resolvers.ecmascript import ecmascript_resolver  # noqa: PLC0415

    return ecmascript_resolver(tree)
