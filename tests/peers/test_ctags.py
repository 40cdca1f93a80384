"""Universal Ctags finds functions, classes, methods, interfaces and types; so do we, at least 98 % of them in each language.

What is left out of the comparison is what Ctags says wrongly; docs/languages.md names each kind.
"""

import json
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from indexjob_worker.extraction import extract
from indexjob_worker.languages import LANGUAGES, language_of
from tests.cluster.fixtures import without
from tests.peers.conftest import sources

WANTED = 0.98
KINDS = {
    "Python": {"class", "function", "member"},
    "Go": {"func", "struct", "interface", "type", "methodSpec", "talias"},
    "TypeScript": {"class", "function", "method", "interface", "alias", "enum", "namespace", "generator"},
    "JavaScript": {"class", "function", "method", "generator", "getter", "setter"},
}
NEAR = range(-3, 4)
"""Ctags gives a decorated or a wrapped definition the line of its beginning."""


class Tag(NamedTuple):
    path: str
    name: str
    line: int
    kind: str


@pytest.fixture(scope="module")
def ctags() -> str:
    found = shutil.which("ctags")
    if (
        not found
        or "Universal Ctags"
        not in subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    ):
        without("universal-ctags is not installed")
    return found


@pytest.fixture
def files(request: pytest.FixtureRequest) -> list[Path]:
    """Code of the language that the test names."""
    match request.param:
        case "Python":
            root = request.getfixturevalue("site_packages")
            return sources(
                *(root / name for name in ("kopf", "psycopg", "pydantic", "pathspec", "typer", "pip/_internal"))
            )
        case "Go":
            root = request.getfixturevalue("goroot") / "src"
            return sources(
                *(root / name for name in ("net/http", "go", "encoding", "database", "text", "html", "sync"))
            )
        case "JavaScript":
            root = request.getfixturevalue("npm")
            return [
                path for path in sources(root / "eslint/lib", root / "express/lib", root / "webpack/lib", root / "commander")
                if language_of(path.name) is LANGUAGES["javascript"]
            ]  # fmt: skip
        case _:
            root = request.getfixturevalue("npm")
            return sources(root / "rxjs/src", root / "zod/src")


@pytest.mark.parametrize("files", KINDS, indirect=True)
def test_recall(ctags: str, files: list[Path], request: pytest.FixtureRequest, tmp_path: Path) -> None:
    language = request.node.callspec.params["files"]
    found = missing = 0
    told: list[Tag] = []
    tags = defaultdict(list)
    for tag in _tags(ctags, language, files, tmp_path):
        tags[tag.path].append(tag)
    for path in files:
        own = language_of(path.name)
        assert own
        data = path.read_bytes()
        lines = data.decode(errors="replace").split("\n")
        have = {(d.name.lstrip("#"), d.line) for d in extract(data, own).definitions}
        for tag in tags[str(path)]:
            if _is_wrong(tag, language, lines):
                continue
            found += 1
            if not any((tag.name.lstrip("#"), tag.line + off) in have for off in NEAR):
                missing += 1
                told.append(tag)
    assert found > 1000
    assert 1 - missing / found >= WANTED, f"{missing} of {found}: {told[:40]}"


def _tags(ctags: str, language: str, files: list[Path], folder: Path) -> Iterator[Tag]:
    (folder / "list").write_text("\n".join(map(str, files)))
    options = ["--options=NONE", f"--language-force={language}", "--output-format=json", "--fields=+nK", "-f", "-"]
    done = subprocess.run([ctags, *options, "-L", folder / "list"], capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        tag = json.loads(line)
        if tag.get("kind") in KINDS[language]:
            yield Tag(tag["path"], tag["name"], tag["line"], tag["kind"])


def _is_wrong(tag: Tag, language: str, lines: list[str]) -> bool:
    """What Ctags says that is no definition of that name."""
    text = lines[tag.line - 1] if tag.line <= len(lines) else ""
    if tag.name.startswith(("AnonymousFunction", "anonFunc", "AnonymousClass", "anonClass")):
        return True  # a name that it made up for a function without one
    if language == "JavaScript" and tag.kind == "class":
        return not re.search(
            rf"\bclass\s+{re.escape(tag.name)}\b|\b{re.escape(tag.name)}\s*=\s*class\b", text
        )  # an object, or a function with `new`
    if tag.kind == "alias":
        after = text + " " + (lines[tag.line] if tag.line < len(lines) else "")
        return not re.search(rf"\btype\s+{re.escape(tag.name)}\s*[<=]", after)  # `import type`, an operator
    return False
