"""Python: an import names a module, a module is a file below one of the commit's roots."""

import posixpath
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

from indexjob_worker.model import Import
from indexjob_worker.resolvers.target import (
    ANSWERS_KEPT,
    EXTERNAL,
    UNRESOLVED,
    Paths,
    Resolve,
    Target,
    Tree,
    below,
    internal,
)

SUFFIXES: Final = (".py", "/__init__.py", ".pyi", "/__init__.pyi")
INITS: Final = ("__init__.py", "__init__.pyi")
SETUP_CFG_DIRECTORY: Final = re.compile(r"^\s*(?:where\s*=|package_dir\s*=\s*\n?\s*=|=)\s*([\w./-]+)\s*$", re.MULTILINE)


def python_resolver(tree: Tree) -> Resolve:
    """Relative imports from the file's place, others from the root that the file stands in, then from every other."""

    @lru_cache(ANSWERS_KEPT)
    def is_package(directory: str) -> bool:
        place = posixpath.join(directory, "__init__.py")
        return place in tree.paths or f"{place}i" in tree.paths

    roots = _roots(tree, is_package)

    @lru_cache(ANSWERS_KEPT)
    def own_roots(directory: str) -> tuple[str, ...]:
        own = _root_of(directory, is_package)
        return (own,) if is_package(directory) else (own, directory)

    @lru_cache(ANSWERS_KEPT)
    def holding(top: str) -> tuple[str, ...]:
        return tuple(root for root in roots if _may_hold(root, top, tree.paths))

    @lru_cache(ANSWERS_KEPT)
    def absolute(own: tuple[str, ...], spec: str, name: str | None, may_never_run: bool) -> Target:  # noqa: FBT001
        top = spec.partition(".")[0]
        if top in sys.stdlib_module_names or spec == "__future__":
            return EXTERNAL
        nearest = (root for root in own if _may_hold(root, top, tree.paths))
        order = dict.fromkeys([*nearest, *holding(top)])
        return _absolute(order, top, spec, name, tree.paths, may_never_run=may_never_run)

    @lru_cache(ANSWERS_KEPT)
    def relative(directory: str, spec: str, name: str | None) -> Target:
        return _relative(directory, spec, name, tree.paths)

    def find(directory: str, item: Import) -> Target:
        if item.spec.startswith("."):
            return relative(directory, item.spec, item.name)
        return absolute(own_roots(directory), item.spec, item.name, item.kind == "dynamic")

    return find


def _relative(directory: str, spec: str, name: str | None, modules: Paths) -> Target:
    dotted = spec.lstrip(".")
    base = below(directory, "../" * (len(spec) - len(dotted) - 1) or ".")
    if base is None:
        return UNRESOLVED
    found = _module(posixpath.join(base, dotted.replace(".", "/")).rstrip("/"), name, modules)
    return internal(found) if found else UNRESOLVED


def _may_hold(root: str, top: str, modules: Paths) -> bool:
    """Whether a module of that name, or one inside of it, may be right below this root."""
    place = _in(root, top)
    return modules.may_be_directory(place) or f"{place}.py" in modules or f"{place}.pyi" in modules


def _absolute(
    roots: Iterable[str], top: str, spec: str, name: str | None, modules: Paths, *, may_never_run: bool
) -> Target:
    for root in roots:
        found = _module(_in(root, spec.replace(".", "/")), name, modules)
        if found:
            return internal(found)
    ours = any(_in(root, top) + suffix in modules for root in roots for suffix in SUFFIXES)
    return UNRESOLVED if ours and not may_never_run else EXTERNAL


def _in(root: str, place: str) -> str:
    return f"{root}/{place}" if root else place


def _module(place: str, name: str | None, modules: Paths) -> str | None:
    """The file of `place.name` if that is a module, else the file of the module that holds the name."""
    has_inner = name and name != "*" and (not place or modules.may_be_directory(place))
    inner = (f"{place}/{name}" if place else name) if has_inner else None
    for stem in filter(None, (inner, place)):
        for suffix in SUFFIXES:
            if stem + suffix in modules:
                return stem + suffix
    return next((init for init in INITS if init in modules), None) if not place else None


def _root_of(directory: str, is_package: Callable[[str], bool]) -> str:
    """The directory above the outermost package around a directory."""
    while directory and is_package(directory):
        directory = posixpath.dirname(directory)
    return directory


def _roots(tree: Tree, is_package: Callable[[str], bool]) -> list[str]:
    """Where absolute imports may begin: what manifests say, then what the packages' places say, then the top."""
    declared = dict.fromkeys(_declared(tree))
    used: set[str] = set()
    inferred: set[str] = set()
    seen: str | None = None
    for path in tree.paths:
        if path.endswith((".py", ".pyi")):
            directory, _, name = path.rpartition("/")
            if name in INITS:
                inferred.add(_root_of(directory, is_package))
            if declared and directory != seen:
                seen = directory
                used.update(place for place in _upwards(directory) if place in declared)
    first = [root for root in declared if root in used]
    return list(dict.fromkeys([*first, *sorted(inferred, key=lambda root: (root.count("/"), root)), "src", ""]))


def _upwards(directory: str) -> Iterator[str]:
    """A directory and those above it; the top only if it is the top itself."""
    yield directory
    while directory := posixpath.dirname(directory):
        yield directory


def _declared(tree: Tree) -> Iterator[str]:
    for directory, text in tree.manifests_named("pyproject.toml"):
        for place in (*_pyproject(text), "src", "."):
            root = below(directory, place)
            if root is not None:
                yield root
    for directory, text in tree.manifests_named("setup.cfg"):
        for place in (*SETUP_CFG_DIRECTORY.findall(text), "src", "."):
            root = below(directory, place)
            if root is not None:
                yield root


def _pyproject(text: str) -> Iterator[str]:
    import tomllib  # noqa: PLC0415 - most of what importing this module would cost

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
