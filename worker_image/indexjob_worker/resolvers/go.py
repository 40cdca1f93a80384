"""Go: an import names a package, a package is a directory of a module."""

import posixpath
import re
from collections import defaultdict
from typing import Final

from indexjob_worker.model import Import
from indexjob_worker.resolvers.target import EXTERNAL, UNRESOLVED, Resolve, Target, Tree, below, internal

MODULE: Final = re.compile(r'^\s*module\s+"?([^\s"]+)', re.MULTILINE)
REPLACE: Final = re.compile(
    r'^\s*(?:replace\s+)?"?([^\s"]+)"?(?:\s+v\S+)?\s+=>\s+"?(\.\.?(?:/[^\s"]*)?)"?', re.MULTILINE
)
"""Only those that put a directory in a module's place."""


def go_resolver(tree: Tree) -> Resolve:
    """Modules by their `go.mod` (and what it replaces by directories of this commit); vendored ones stay external."""
    modules = _modules(tree)
    packages: dict[str, list[str]] = defaultdict(list)
    for path in sorted(tree.paths):
        if path.endswith(".go") and not path.endswith("_test.go"):
            packages[posixpath.dirname(path)].append(path)
    known: dict[str, Target] = {}

    def find(_path: str, item: Import) -> Target:
        if item.spec not in known:
            known[item.spec] = _package(item.spec, modules, packages)
        return known[item.spec]

    return find


def _modules(tree: Tree) -> dict[str, str]:
    """The directory of each module of this commit."""
    modules: dict[str, str] = {}
    texts = tree.manifests_named("go.mod")
    for directory, text in texts.items():
        if named := MODULE.search(text):
            modules.setdefault(named[1], directory)
    # What a workspace replaces counts for all of its modules, so it comes first.
    for directory, text in (*tree.manifests_named("go.work").items(), *texts.items()):
        for name, place in REPLACE.findall(text):
            target = below(directory, place)
            if target is not None:
                modules.setdefault(name, target)
    return modules


def _package(spec: str, modules: dict[str, str], packages: dict[str, list[str]]) -> Target:
    module = spec
    while module not in modules:
        module, slash, _ = module.rpartition("/")
        if not slash:
            return EXTERNAL
    directory = below(modules[module], "." + spec[len(module) :])
    files = packages.get(directory, []) if directory is not None else []
    return internal(*files) if files else UNRESOLVED
