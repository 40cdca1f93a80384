"""How time and memory grow with the repository: from 5 to 100 MB of source, from 1,000 to 50,000 files.

The same files again and again, each time another blob by its last lines. The exponent is the slope of log(seconds) over log(bytes), by least squares.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from math import log
from pathlib import Path

from bench.corpus import SourceFile, Written, corpus
from bench.figures import Figure, at_most
from bench.indexing import indexer, settle
from bench.server import Server

SUBJECT = "index_growth"
SIZES = (5_000_000, 20_000_000, 100_000_000)
COUNTS = (1_000, 50_000)
MIB = 1024 * 1024


def measure(server: Server) -> Iterator[Figure]:
    """The exponent, and the parent's memory at both ends."""
    files = corpus(bytes_a_language=1_200_000)
    points = []
    for size in SIZES:
        seconds, _ = _index(server, _of_size(files, size))
        points.append((log(size), log(seconds)))
        yield Figure(SUBJECT, f"full index of {size // 1_000_000} MB", seconds, "s")
    yield Figure(SUBJECT, "exponent of time over size", _slope(points), "", at_most(1.1))
    tiny = [file for file in files if len(file.data) < 2_000]
    parents = []
    for count in COUNTS:
        _, parent = _index(server, [_again(tiny, number) for number in range(count)])
        parents.append(parent)
        yield Figure(SUBJECT, f"worker's parent process on {count:,} files", parent / MIB, "MiB")
    yield Figure(
        SUBJECT, "memory of the parent on the most files by the least", parents[1] / parents[0], "x", at_most(1.1)
    )


def _again(files: list[SourceFile], number: int) -> tuple[str, bytes]:
    file = files[number % len(files)]
    return f"{number // len(files)}/{number}/{file.path.rpartition('/')[2]}", file.data + b"\n" * (
        1 + number // len(files)
    )


def _of_size(files: list[SourceFile], size: int) -> list[tuple[str, bytes]]:
    taken: list[tuple[str, bytes]] = []
    total = number = 0
    while total < size:
        taken.append(_again(files, number))
        total += len(taken[-1][1])
        number += 1
    return taken


def _index(server: Server, files: list[tuple[str, bytes]]) -> tuple[float, int]:
    with tempfile.TemporaryDirectory(prefix="indexjob-bench-") as folder, indexer(server) as one:
        repository = Written(Path(folder) / "grown.git")
        repository.commit(files)
        settle(one.connection)
        done = one.index(repository.path, extractors=2)
        return done.seconds, done.parent_bytes


def _slope(points: list[tuple[float, float]]) -> float:
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
