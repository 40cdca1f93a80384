"""tsconfig.json and jsconfig.json: JSON with comments, that may extend others."""

import json
import posixpath
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from indexjob_worker.resolvers.target import below

NO_CODE: Final = re.compile(r'("(?:\\.|[^"\\\n])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
TRAILING_COMMA: Final = re.compile(r'("(?:\\.|[^"\\\n])*")|,(?=\s*[}\]])')
MAX_EXTENDS: Final = 50


class TsConfig(NamedTuple):
    """What decides where imports lead. `base` is a directory if `baseUrl` is set; `paths` stand below `paths_base`."""

    base: str | None
    paths_base: str
    paths: Mapping[str, list[str]]


NOTHING: Final = TsConfig(None, "", {})


def parse_jsonc(data: bytes) -> dict[str, Any]:
    """A JSON object that may have comments and trailing commas; {} if it is none."""
    text = data.decode("utf-8-sig", "replace")
    try:
        value = _json(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return json.loads(TRAILING_COMMA.sub(_string, NO_CODE.sub(_string, text)))


def _string(match: re.Match[str]) -> str:
    return match[1] or ""


def read_tsconfig(path: str, manifests: Mapping[str, bytes], package: Callable[[str], str | None]) -> TsConfig:
    """A configuration with all that it extends; `package` finds the directory of a package of this commit.

    A file that only refers to others (`references`) speaks for the first of them that says anything.
    """
    own = _merged(path, manifests, package)
    if own != NOTHING:
        return own
    references = parse_jsonc(manifests[path]).get("references")
    for one in references if isinstance(references, list) else []:
        name = one.get("path") if isinstance(one, dict) else None
        place = _beside(posixpath.dirname(path), name, manifests) if isinstance(name, str) else None
        if place and (found := _merged(place, manifests, package)) != NOTHING:
            return found
    return NOTHING


def _merged(path: str, manifests: Mapping[str, bytes], package: Callable[[str], str | None]) -> TsConfig:
    base: str | None = None
    paths_base = ""
    paths: dict[str, list[str]] = {}
    seen: set[str] = set()
    queue = [path]
    while queue and len(seen) < MAX_EXTENDS:
        one = queue.pop(0)
        if one in seen or one not in manifests:
            continue
        seen.add(one)
        config, directory = parse_jsonc(manifests[one]), posixpath.dirname(one)
        options = config.get("compilerOptions")
        options = options if isinstance(options, dict) else {}
        own_base = options.get("baseUrl")
        if base is None and isinstance(own_base, str):
            base = below(directory, own_base)
        if not paths and isinstance(options.get("paths"), dict):
            paths = {pattern: _strings(targets) for pattern, targets in options["paths"].items()}
            paths_base = directory
        extends = config.get("extends")
        # The last of several wins, and the file itself over all: nearest first.
        names = _strings(extends if isinstance(extends, list) else [extends])[::-1]
        queue[:0] = [found for name in names if (found := _extended(directory, name, manifests, package))]
    return TsConfig(base, paths_base if base is None else base, paths) if base is not None or paths else NOTHING


def _extended(
    directory: str, name: str, manifests: Mapping[str, bytes], package: Callable[[str], str | None]
) -> str | None:
    if name.startswith("."):
        return _beside(directory, name, manifests)
    parts = name.split("/")
    own = 2 if name.startswith("@") else 1
    found = package("/".join(parts[:own]))
    return _beside(found, "/".join(parts[own:]) or ".", manifests) if found is not None else None


def _beside(directory: str, name: str, manifests: Mapping[str, bytes]) -> str | None:
    place = below(directory, name)
    if place is None:
        return None
    return next((p for p in (place, f"{place}.json", posixpath.join(place, "tsconfig.json")) if p in manifests), None)


def _strings(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
