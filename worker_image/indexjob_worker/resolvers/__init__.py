"""Imports to files: what each file of a commit depends on.

Pure functions over the commit's paths and its manifests; nothing is looked for on a disk, nothing is installed. What is
not of this commit stays external, under the name that the file gives it.

An import of a Go package is a dependency on each of the package's files (tests left out: nobody can import them), so
that `dependents` of a file needs no second rule. It makes no circles that aren't there: the files of a package get
their edges from importers alone, never from each other.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from indexjob_worker.languages.declaration import Language, Resolver
from indexjob_worker.model import Dependency, Import
from indexjob_worker.resolvers.ecmascript import ecmascript_resolver
from indexjob_worker.resolvers.go import go_resolver
from indexjob_worker.resolvers.python import python_resolver
from indexjob_worker.resolvers.target import Resolve, Tree

__all__ = ["ImportingFile", "manifest_paths", "resolve"]

MANIFESTS: Final = frozenset({"package.json", "go.mod", "go.work", "pyproject.toml", "setup.cfg"})
NOT_OURS: Final = frozenset({"node_modules", "vendor"})
RESOLVERS: Final[Mapping[Resolver, Callable[[Tree], Resolve]]] = {
    "python": python_resolver,
    "ecmascript": ecmascript_resolver,
    "go": go_resolver,
}


class ImportingFile(NamedTuple):
    """One extracted file, as the resolvers need it."""

    path: str
    language: Language
    imports: list[Import]


def manifest_paths(paths: Iterable[str]) -> list[str]:
    """The files that must be read before imports can be resolved, sorted."""
    return sorted(path for path in paths if _is_manifest(path))


def resolve(files: Iterable[ImportingFile], paths: Iterable[str], manifests: Mapping[str, bytes]) -> list[Dependency]:
    """Every dependency of every file (each given once), once, in the order of the files; `manifests` is what `manifest_paths` asked for.

    A manifest that is missing or broken says nothing; it never raises.
    """
    tree = Tree(frozenset(paths), manifests)

    @cache
    def resolver(name: Resolver) -> Resolve:
        return RESOLVERS[name](tree)

    dependencies: list[Dependency] = []
    for path, language, imports in files:
        find = resolver(language.resolver)
        found: dict[Dependency, None] = {}
        for item in imports:
            kind, targets = find(path, item)
            for target in targets:
                if target != path:
                    found[Dependency(path, target, item.spec, kind)] = None
            if not targets:
                found[Dependency(path, None, item.spec, kind)] = None
        dependencies += found
    return dependencies


def _is_manifest(path: str) -> bool:
    parts = PurePosixPath(path).parts
    name = parts[-1]
    if not NOT_OURS.isdisjoint(parts):
        return False
    return name in MANIFESTS or (
        name.endswith(".json") and ("tsconfig" in path or "jsconfig" in name or name == "base.json")
    )
