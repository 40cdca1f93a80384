"""Go: an import names a package, a package is a directory of a module."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from indexjob_worker.model import Import
from indexjob_worker.resolvers.target import EXTERNAL, UNRESOLVED, Paths, Resolve, Target, Tree, below, internal

MODULE: Final = re.compile(r'^\s*module\s+"?([^\s"]+)', re.MULTILINE)
REPLACE: Final = re.compile(
    r'^\s*(?:replace\s+)?"?([^\s"]+)"?(?:\s+v\S+)?\s+=>\s+"?(\.\.?(?:/[^\s"]*)?)"?', re.MULTILINE
)
"""Only those that put a directory in a module's place."""
PACKAGES_KEPT: Final = 200
"""An answer names all files of a package."""


def go_resolver(tree: Tree) -> Resolve:
    """Modules by their `go.mod` (and what it replaces by directories of this commit); vendored ones stay external."""
    modules = _modules(tree)

    @lru_cache(PACKAGES_KEPT)
    def find(spec: str) -> Target:
        return _package(spec, modules, tree.paths)

    return lambda _directory, item: _found(find, item)


def _found(find: Callable[[str], Target], item: Import) -> Target:
    return find(item.spec)


def _modules(tree: Tree) -> dict[str, str]:
    """The directory of each module of this commit."""
    modules: dict[str, str] = {}
    texts = list(tree.manifests_named("go.mod"))
    for directory, text in texts:
        if named := MODULE.search(text):
            modules.setdefault(named[1], directory)
    # What a workspace replaces counts for all of its modules, so it comes first.
    for directory, text in (*tree.manifests_named("go.work"), *texts):
        for name, place in REPLACE.findall(text):
            target = below(directory, place)
            if target is not None:
                modules.setdefault(name, target)
    return modules


def _package(spec: str, modules: dict[str, str], paths: Paths) -> Target:
    module = spec
    while module not in modules:
        module, slash, _ = module.rpartition("/")
        if not slash:
            return EXTERNAL
    directory = below(modules[module], "." + spec[len(module) :])
    inside = paths.in_directory(directory) if directory is not None else []
    files = [path for path in inside if path.endswith(".go") and not path.endswith("_test.go")]
    return internal(*files) if files else UNRESOLVED
