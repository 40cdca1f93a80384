"""Python: an import names a module, a module is a file below one of the commit's roots."""

import posixpath
import re
import sys
import tomllib
from collections.abc import Iterator
from typing import Any, Final

from indexjob_worker.model import Import
from indexjob_worker.resolvers.target import EXTERNAL, UNRESOLVED, Resolve, Target, Tree, below, internal

SUFFIXES: Final = (".py", "/__init__.py", ".pyi", "/__init__.pyi")
SETUP_CFG_DIRECTORY: Final = re.compile(r"^\s*(?:where\s*=|package_dir\s*=\s*\n?\s*=|=)\s*([\w./-]+)\s*$", re.MULTILINE)


def python_resolver(tree: Tree) -> Resolve:
    """Relative imports from the file's place, others from the root that the file stands in, then from every other."""
    modules = {path for path in tree.paths if path.endswith((".py", ".pyi"))}
    packages = {posixpath.dirname(path) for path in modules if posixpath.basename(path).startswith("__init__.py")}
    roots = _roots(tree, modules, packages)
    known: dict[tuple[str, str, str | None], Target] = {}

    def find(path: str, item: Import) -> Target:
        directory = posixpath.dirname(path)
        key = (directory, item.spec, item.name)
        if key not in known:
            if item.spec.startswith("."):
                known[key] = _relative(directory, item, modules)
            else:
                own = _root_of(directory, packages)
                order = dict.fromkeys([own, *([directory] if directory not in packages else []), *roots])
                known[key] = _absolute(list(order), item, modules)
        return known[key]

    return find


def _relative(directory: str, item: Import, modules: set[str]) -> Target:
    name = item.spec.lstrip(".")
    base = below(directory, "../" * (len(item.spec) - len(name) - 1) or ".")
    if base is None:
        return UNRESOLVED
    found = _module(posixpath.join(base, name.replace(".", "/")).rstrip("/"), item.name, modules)
    return internal(found) if found else UNRESOLVED


def _absolute(roots: list[str], item: Import, modules: set[str]) -> Target:
    top = item.spec.partition(".")[0]
    if top in sys.stdlib_module_names or item.spec == "__future__":
        return EXTERNAL
    for root in roots:
        found = _module(posixpath.join(root, item.spec.replace(".", "/")), item.name, modules)
        if found:
            return internal(found)
    ours = any(posixpath.join(root, top) + suffix in modules for root in roots for suffix in SUFFIXES)
    return UNRESOLVED if ours and item.kind != "dynamic" else EXTERNAL


def _module(place: str, name: str | None, modules: set[str]) -> str | None:
    """The file of `place.name` if that is a module, else the file of the module that holds the name."""
    inner = (f"{place}/{name}" if place else name) if name and name != "*" else None
    for stem in filter(None, (inner, place)):
        for suffix in SUFFIXES:
            if stem + suffix in modules:
                return stem + suffix
    return next((init for init in ("__init__.py", "__init__.pyi") if init in modules), None) if not place else None


def _root_of(directory: str, packages: set[str]) -> str:
    """The directory above the outermost package around a directory."""
    while directory in packages and directory:
        directory = posixpath.dirname(directory)
    return directory


def _roots(tree: Tree, modules: set[str], packages: set[str]) -> list[str]:
    """Where absolute imports may begin: what manifests say, then what the packages' places say, then the top."""
    directories = {posixpath.dirname(path) for path in modules}
    declared = [root for root in _declared(tree) if any(d == root or d.startswith(f"{root}/") for d in directories)]
    inferred = {_root_of(package, packages) for package in packages}
    return list(dict.fromkeys([*declared, *sorted(inferred, key=lambda root: (root.count("/"), root)), "src", ""]))


def _declared(tree: Tree) -> Iterator[str]:
    for directory, text in tree.manifests_named("pyproject.toml").items():
        for place in (*_pyproject(text), "src", "."):
            root = below(directory, place)
            if root is not None:
                yield root
    for directory, text in tree.manifests_named("setup.cfg").items():
        for place in (*SETUP_CFG_DIRECTORY.findall(text), "src", "."):
            root = below(directory, place)
            if root is not None:
                yield root


def _pyproject(text: str) -> Iterator[str]:
    try:
        tool = _table(tomllib.loads(text), "tool")
    except (tomllib.TOMLDecodeError, RecursionError):
        return
    setuptools = _table(tool, "setuptools")
    yield from _strings(_table(_table(setuptools, "packages"), "find").get("where"))
    yield from _strings(list(_table(setuptools, "package-dir").values()))
    packages = _table(tool, "poetry").get("packages")
    yield from _strings([_table(one, None).get("from") for one in packages] if isinstance(packages, list) else None)
    wheel = _table(_table(_table(_table(tool, "hatch"), "build"), "targets"), "wheel")
    yield from (posixpath.dirname(one.rstrip("/")) or "." for one in _strings(wheel.get("packages")))
    yield from _strings(_table(_table(tool, "hatch"), "build").get("dev-mode-dirs"))


def _table(value: Any, key: str | None) -> dict[str, Any]:
    inner = value.get(key) if key is not None and isinstance(value, dict) else value
    return inner if isinstance(inner, dict) else {}


def _strings(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
