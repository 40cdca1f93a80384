"""From a bare repository to a published snapshot in Postgres, by the worker's own commands; and what the next commit costs then.

Seconds are what the worker says of its steps: extraction and store, without clone and start-up. They are the clock's, so what they are compared with (parsing
alone, ctags) is measured by the clock too, right before, in the same round. The next commits are the last 20 of each repository's first parents, one index job
after the other.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.corpus import SourceFile, Written, corpus, described, repositories
from bench.figures import Figure, at_least, at_most
from bench.index_extraction import parse_some
from bench.indexing import indexer, settle
from bench.server import Server

SUBJECT = "index_store"
COMMITS = 20
ROUNDS = 3
MANY_FILES = 5000
MIB = 1024 * 1024


def measure(server: Server) -> Iterator[Figure]:
    """The whole, by parsing and by ctags; memory; the same again; the next commits."""
    files = corpus()
    with tempfile.TemporaryDirectory(prefix="indexjob-bench-") as folder:
        yield from _whole(server, files, Path(folder))
        yield from _memory(server, files, Path(folder))
    for repository in repositories():
        yield from _next_commits(server, repository)


def _whole(server: Server, files: list[SourceFile], folder: Path) -> Iterator[Figure]:
    named = [(f"{number}/{file.path.rpartition('/')[2]}", file.data) for number, file in enumerate(files)]
    repository = Written(folder / "corpus.git")
    repository.commit(named)
    for name, data in named:
        place = folder / "tree" / name
        place.parent.mkdir(parents=True)
        place.write_bytes(data)
    whole: list[float] = []
    parse: list[float] = []
    ctags: list[float] = []
    cpu: list[float] = []
    parse_cpu: list[float] = []
    parse_some(files)
    for _ in range(ROUNDS):
        began, began_cpu = time.perf_counter(), time.process_time()
        parse_some(files)
        parse.append(time.perf_counter() - began)
        parse_cpu.append(time.process_time() - began_cpu)
        with indexer(server) as one:
            settle(one.connection)
            done = one.index(repository.path, extractors=2)
            whole.append(done.seconds)
            cpu.append(done.cpu_seconds)
            if len(whole) == ROUNDS:
                before = one.written_rows()
                one.index(repository.path, extractors=2)
                after = one.written_rows()
        if shutil.which("ctags"):
            ctags.append(_ctags(folder / "tree"))
    yield Figure(
        SUBJECT,
        "full index on two processes by parsing alone on one",
        _ratio(whole, parse),
        "x",
        at_most(2),
        described(files),
    )
    yield Figure(
        SUBJECT, "CPU of the worker's processes, start-up and all, by parsing alone", _ratio(cpu, parse_cpu), "x"
    )
    if ctags:
        yield Figure(SUBJECT, "full index by universal-ctags (definitions only)", _ratio(whole, ctags), "x", at_most(3))
    written = {table: after[table] - before[table] for table in after if after[table] != before[table]}
    pointer = written.pop("publication", 0)
    yield Figure(
        SUBJECT, "rows that the same commit again writes, beside the pointer", sum(written.values()), "", at_most(0)
    )
    yield Figure(SUBJECT, "rows of the pointer that it writes", pointer, "", at_most(1))


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return median(a / b for a, b in zip(ours, theirs, strict=True))


def _ctags(folder: Path) -> float:
    began = time.perf_counter()
    subprocess.run(
        [
            "ctags",
            "--options=NONE",
            "--languages=Python,Go,JavaScript,TypeScript",
            "--recurse",
            "--sort=no",
            "-f",
            "/dev/null",
            str(folder),
        ],
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - began


def _memory(server: Server, files: list[SourceFile], folder: Path) -> Iterator[Figure]:
    """Each file again and again, each time another blob, until there are enough."""
    small = [file for file in files if len(file.data) < 30_000]
    many = [
        (f"{number}/{file.path.rpartition('/')[2]}", file.data + b"\n" * (number // len(small)))
        for number, file in ((number, small[number % len(small)]) for number in range(MANY_FILES))
    ]
    repository = Written(folder / "many.git")
    repository.commit(many)
    with indexer(server) as one:
        done = one.index(repository.path, extractors=2)
    yield Figure(
        SUBJECT, f"worker's parent process on {MANY_FILES:,} files", done.parent_bytes / MIB, "MiB", at_most(150)
    )


def _next_commits(server: Server, repository: Path) -> Iterator[Figure]:
    said = subprocess.run(
        ["git", "-C", str(repository), "log", "--first-parent", f"-{COMMITS + 1}", "--format=%H"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    commits = said.stdout.split()[::-1]
    with indexer(server) as one:
        full = one.index(repository, commits[0], extractors=2)
        settle(one.connection)
        after = [one.index(repository, commit, extractors=2).seconds for commit in commits[1:]]
    name = repository.parent.name if repository.name == "repo" else repository.name
    note = f"{full.stats['files']:,} files; full {full.seconds * 1000:.0f} ms, next {median(after) * 1000:.0f} ms"
    yield Figure(
        SUBJECT, f"full index by the median next commit, {name}", full.seconds / median(after), "x", at_least(15), note
    )
