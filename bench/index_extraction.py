"""What extraction costs beside parsing alone, in CPU seconds; and what a second process gains.

Parsing alone is py-tree-sitter's `parse` of the same bytes in the same process, with the garbage collector off on both sides, as it is in the extraction
children. Full extraction is what a child does with a file: parse, definitions with docs and signatures, imports, references, and packing its answer.
"""

from __future__ import annotations

import gc
import time
from collections import defaultdict
from collections.abc import Iterator

from bench.corpus import SourceFile, corpus, described
from bench.figures import Figure, alternating, at_least, at_most, ratio_of_rounds
from bench.server import Server
from indexjob.run_spec import Limits
from indexjob.scrub import Scrubber
from indexjob_worker import wire
from indexjob_worker.extraction import extract
from indexjob_worker.extractors import Extractors, Job
from indexjob_worker.journal import Journal
from indexjob_worker.languages.declaration import reader
from indexjob_worker.zygote import Zygote, fork_zygote

SUBJECT = "index_extraction"
ROUNDS = 5
SLICE = 20
"""Files that each side reads before it is the other's turn."""


def measure(_server: Server) -> Iterator[Figure]:
    """By language, all together, and two processes beside one."""
    files = corpus()
    extract_some(files[:50])
    total: dict[str, float] = defaultdict(float)
    for name in dict.fromkeys(file.language.name for file in files):
        parse, full = _costs([file for file in files if file.language.name == name])
        total["parse"] += parse
        total["full"] += full
        yield Figure(SUBJECT, f"full extraction by parsing alone, CPU, {name}", full / parse, "x")
    note = described(files)
    yield Figure(
        SUBJECT, "full extraction by parsing alone, CPU", total["full"] / total["parse"], "x", at_most(1.8), note
    )
    zygote = fork_zygote()
    try:
        times: dict[str, list[float]] = defaultdict(list)
        for side in alternating(ROUNDS, "1", "2"):
            times[side].append(_in_children(zygote, files, int(side)))
    finally:
        zygote.close()
    yield Figure(SUBJECT, "two processes by one", ratio_of_rounds(times["1"], times["2"]), "x", at_least(1.6))


def parse_some(files: list[SourceFile]) -> None:
    for file in files:
        reader(file.language).parser.parse(file.data)


def extract_some(files: list[SourceFile]) -> None:
    for file in files:
        wire.encode(extract(file.data, file.language))


def _costs(files: list[SourceFile]) -> tuple[float, float]:
    """CPU seconds of parsing and of extracting all: of each slice the least of the rounds, so that others' work counts little."""
    parse = full = 0.0
    for at in range(0, len(files), SLICE):
        some = files[at : at + SLICE]
        least = {parse_some: float("inf"), extract_some: float("inf")}
        for _ in range(ROUNDS):
            for side in (parse_some, extract_some):
                gc.collect()
                gc.disable()
                began = time.process_time()
                side(some)
                least[side] = min(least[side], time.process_time() - began)
                gc.enable()
        parse += least[parse_some]
        full += least[extract_some]
    return parse, full


def _in_children(zygote: Zygote, files: list[SourceFile], count: int) -> float:
    extractors = Extractors(zygote, Limits(extractors=count), Journal(Scrubber()))
    try:
        began = time.perf_counter()
        for _ in extractors.run(Job(number, file.language, file.data) for number, file in enumerate(files)):
            pass
        return time.perf_counter() - began
    finally:
        extractors.close()
