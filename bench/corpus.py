"""Real code to index: what pip, Go and npm have brought to this machine, of the languages that the worker reads.

`INDEXJOB_BENCH_REPOSITORIES` (paths with `:` between) names git repositories with a history; without it the project's own is taken.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from indexjob_worker.languages import Language, language_of

LARGEST_FILE = 512 * 1024
AVERAGE_OF_A_LANGUAGE = 3_000_000
"""Bytes taken of each language, where there are so many."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of the corpus."""

    path: str
    language: Language
    data: bytes


def corpus(bytes_a_language: int = AVERAGE_OF_A_LANGUAGE) -> list[SourceFile]:
    """The same files on the same machine, in an order that no language or package dominates."""
    taken: dict[str, int] = {}
    found: list[SourceFile] = []
    paths = sorted({path for folder in _folders() for path in _sources(folder)})
    random.Random(1).shuffle(paths)
    for path in paths:
        language = language_of(path.name)
        assert language
        if taken.get(language.name, 0) > bytes_a_language:
            continue
        data = path.read_bytes()
        if b"\0" not in data:
            taken[language.name] = taken.get(language.name, 0) + len(data)
            found.append(SourceFile("/".join(path.parts[-6:]), language, data))
    return found


def described(files: list[SourceFile]) -> str:
    """What they are, in a line."""
    names = dict.fromkeys(file.language.name for file in files)
    total = sum(len(file.data) for file in files)
    return f"{len(files):,} files, {total / 1e6:.1f} MB of {', '.join(names)}"


def repositories() -> list[Path]:
    """Repositories with a history."""
    named = os.environ.get("INDEXJOB_BENCH_REPOSITORIES")
    return [Path(path) for path in named.split(":")] if named else [Path(__file__).parents[1]]


class Written:
    """A bare repository made of files; each `commit` is all that it holds."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._git("init", "--quiet", "--bare", str(path))

    def commit(self, files: list[tuple[str, bytes]]) -> None:
        lines = [b"commit refs/heads/main\ncommitter A <a@example.com> 1767225600 +0000\ndata 1\nm\ndeleteall\n"]
        lines += [b"M 100644 inline %s\ndata %d\n%s\n" % (name.encode(), len(data), data) for name, data in files]
        self._git("-C", str(self.path), "fast-import", "--quiet", "--force", stdin=b"".join(lines))
        self._git("-C", str(self.path), "symbolic-ref", "HEAD", "refs/heads/main")

    @staticmethod
    def _git(*arguments: str, stdin: bytes | None = None) -> None:
        subprocess.run(["git", *arguments], input=stdin, check=True, capture_output=True)


def _folders() -> Iterator[Path]:
    yield Path(sysconfig.get_path("purelib"))
    yield Path(sys.prefix) / "lib" / "node_modules"
    for command in (["go", "env", "GOROOT"], ["go", "env", "GOMODCACHE"], ["npm", "root", "--global"]):
        try:
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            continue
        yield Path(said)
    yield user_cache_path("indexjob") / "bench-peers"
    yield user_cache_path("indexjob") / "test-peers"


def _sources(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in {"testdata", "__pycache__", ".git"}]
        for name in names:
            if language_of(name) is not None:
                path = Path(place, name)
                if not path.is_symlink() and 0 < path.stat().st_size <= LARGEST_FILE:
                    yield path
