"""JavaScript and TypeScript: an import names a file as Node, bundlers and TypeScript understand it."""

import posixpath
from collections.abc import Callable, Iterator, Mapping
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
from indexjob_worker.resolvers.tsconfig import NOTHING, TsConfig, parse_jsonc, read_tsconfig

EXTENSIONS: Final = (".ts", ".tsx", ".d.ts", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json")
INDEX: Final = "/index"
WRITTEN_FOR: Final = {
    ".js": (".ts", ".tsx", ".d.ts", ".jsx"),
    ".jsx": (".tsx",),
    ".mjs": (".mts", ".d.mts"),
    ".cjs": (".cts", ".d.cts"),
}
"""TypeScript's importers write the name of what will be compiled."""
CONDITIONS: Final = ("source", "development", "import", "module", "types", "default", "require", "node", "browser")
"""Which of a package's exports to look at first: nearest to its source."""
BUILT: Final = ("dist", "build", "lib", "out", "esm", "cjs", "es")
"""Directories that are compiled from `src` and hardly ever committed."""
MANIFESTS_KEPT: Final = 100
"""Parsed ones; most packages are asked for again soon."""


def ecmascript_resolver(tree: Tree) -> Resolve:
    """Relative paths, then `paths` and `baseUrl` of the nearest tsconfig, then packages of this commit."""
    packages = _Packages(tree)
    configs = _Configs(tree, packages.directory)

    @lru_cache(ANSWERS_KEPT)
    def find(directory: str, spec: str) -> Target:
        spec = spec.partition("?")[0].removeprefix("file:")
        if spec.startswith(("./", "../", "/")) or spec in {".", ".."}:
            place = below(directory, spec) if not spec.startswith("/") else spec.lstrip("/")
            found = file_at(tree.paths, place)
            return internal(found) if found else UNRESOLVED
        for place in _mapped(configs.around(directory), spec):
            if found := file_at(tree.paths, place):
                return internal(found)
        return packages.target(directory, spec)

    return lambda directory, item: _found(find, directory, item)


def _found(find: Callable[[str, str], Target], directory: str, item: Import) -> Target:
    return find(directory, item.spec)


def file_at(paths: Paths, place: str | None) -> str | None:
    """The file that a path means: itself, written for another, without its extension, or a directory's index."""
    if place is None:
        return None
    stem, extension = posixpath.splitext(place)
    for other in WRITTEN_FOR.get(extension, ()):
        if (one := stem + other) in paths:
            return one
    for end in ("", *EXTENSIONS):
        if (one := place + end) in paths:
            return one
    directory = place.removesuffix("/")
    if directory and not paths.may_be_directory(directory):
        return None
    inside = place + INDEX if place and not place.endswith("/") else place + INDEX[1:]
    return next((one for end in EXTENSIONS if (one := inside + end) in paths), None)


def _mapped(config: TsConfig, spec: str) -> Iterator[str | None]:
    """The places that a tsconfig gives a name, best first."""
    patterns = sorted(config.paths, key=lambda pattern: (pattern != spec, -len(pattern.partition("*")[0])))
    for pattern in patterns:
        rest = _star(pattern, spec)
        if rest is not None:
            for target in config.paths[pattern]:
                yield below(config.paths_base, target.replace("*", rest, 1))
            break
    if config.base is not None:
        yield below(config.base, spec)


def _star(pattern: str, spec: str) -> str | None:
    """What stands for the star, '' if pattern and name are equal, None if they don't match."""
    before, star, after = pattern.partition("*")
    if not star:
        return "" if pattern == spec else None
    if len(spec) >= len(before) + len(after) and spec.startswith(before) and spec.endswith(after):
        return spec[len(before) : len(spec) - len(after)]
    return None


class _Configs:
    """The tsconfig that holds for a directory: the nearest one upwards."""

    def __init__(self, tree: Tree, package: Callable[[str], str | None]) -> None:
        self._manifests = tree.manifests
        self._package = package
        self._read = lru_cache(MANIFESTS_KEPT)(self._read_anew)
        self.around = lru_cache(ANSWERS_KEPT)(self._around)

    def _around(self, directory: str) -> TsConfig:
        for place in _upwards(directory):
            for name in ("tsconfig.json", "jsconfig.json"):
                path = posixpath.join(place, name)
                if path in self._manifests:
                    return self._read(path)
        return NOTHING

    def _read_anew(self, path: str) -> TsConfig:
        return read_tsconfig(path, self._manifests, self._package)


class _Packages:
    """The packages of this commit, by name; what they export."""

    def __init__(self, tree: Tree) -> None:
        self._paths = tree.paths
        self._manifests = tree.manifests
        self._read = lru_cache(MANIFESTS_KEPT)(self._read_anew)
        self._by_name = lru_cache(ANSWERS_KEPT)(self._by_name_anew)
        self._directories: dict[str, str] = {}
        for path in tree.manifests:
            directory, _, base = path.rpartition("/")
            if base == "package.json" and isinstance(name := parse_jsonc(tree.manifests[path]).get("name"), str):
                self._directories.setdefault(name, directory)

    def _read_anew(self, directory: str) -> dict[str, Any]:
        return parse_jsonc(self._manifests[posixpath.join(directory, "package.json")])

    def directory(self, name: str) -> str | None:
        return self._directories.get(name)

    def target(self, importer: str, spec: str) -> Target:
        if spec.startswith("#"):
            above = (place for place in _upwards(importer) if posixpath.join(place, "package.json") in self._manifests)
            owner = next(above, None)
            imports = self._read(owner).get("imports") if owner is not None else None
            found = self._exported(owner or "", imports, spec)
            return internal(found) if found else UNRESOLVED
        return self._by_name(spec)

    def _by_name_anew(self, spec: str) -> Target:
        parts = spec.split("/")
        own = 2 if spec.startswith("@") else 1
        directory = self._directories.get("/".join(parts[:own]))
        if directory is None:
            return EXTERNAL
        found = self._entry(directory, "/".join(parts[own:]))
        return internal(found) if found else UNRESOLVED

    def _entry(self, directory: str, rest: str) -> str | None:
        manifest = self._read(directory)
        exports = manifest.get("exports")
        if isinstance(exports, str | list) or (
            isinstance(exports, dict) and not any(k.startswith(".") for k in exports)
        ):
            exports = {".": exports}
        if found := self._exported(directory, exports, f"./{rest}" if rest else "."):
            return found
        if rest:
            return self._file(directory, rest) or file_at(self._paths, posixpath.join(directory, "src", rest))
        for field in ("source", "module", "main", "types", "typings"):
            if isinstance(place := manifest.get(field), str) and (found := self._file(directory, place)):
                return found
        return file_at(self._paths, directory or ".") or next(
            filter(None, (file_at(self._paths, posixpath.join(directory, place)) for place in ("index", "src"))), None
        )

    def _exported(self, directory: str, exports: Any, name: str) -> str | None:
        if not isinstance(exports, dict):
            return None
        for pattern in sorted(exports, key=lambda pattern: (pattern != name, -len(pattern.partition("*")[0]))):
            rest = _star(pattern, name)
            if rest is None:
                continue
            for place in _leaves(exports[pattern]):
                if found := self._file(directory, place.replace("*", rest)):
                    return found
            break
        return None

    def _file(self, directory: str, place: str) -> str | None:
        """A file of a package, or the source that it will be built from."""
        found = file_at(self._paths, below(directory, place))
        parts = place.removeprefix("./").split("/")
        while not found and parts and parts[0] in BUILT:
            parts = parts[1:]
            source = below(directory, "/".join(["src", *parts]))
            found = file_at(self._paths, source) or file_at(self._paths, source and posixpath.splitext(source)[0])
        return found


def _leaves(value: Any) -> Iterator[str]:
    """The paths in an export's conditions, nearest to the source first."""
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, list):
            stack.extend(reversed(one))
        elif isinstance(one, Mapping):
            order = sorted(one, key=lambda key: CONDITIONS.index(key) if key in CONDITIONS else len(CONDITIONS))
            stack.extend(one[key] for key in reversed(order))


def _upwards(directory: str) -> Iterator[str]:
    """A directory and all above it, down to the top ('')."""
    while directory:
        yield directory
        directory = posixpath.dirname(directory)
    yield ""
