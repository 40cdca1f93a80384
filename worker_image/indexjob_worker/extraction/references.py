"""References: the hot path. A repository has ten times as many as it has definitions.

So they are made a column at a time by what the interpreter does in C; loops are left only for what depends on the
reference before.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping
from itertools import compress, repeat
from operator import attrgetter, sub
from typing import Final

from indexjob_worker.extraction.definitions import Boundaries, Captures
from indexjob_worker.extraction.imports import Imported
from indexjob_worker.extraction.scopes import read_scopes
from indexjob_worker.extraction.source import Source
from indexjob_worker.model import (
    MAX_NAME,
    NO_REFERENCES,
    NONE,
    REFERENCE_KINDS,
    Definition,
    Import,
    ReferenceKind,
    References,
)

KINDS: Final[tuple[ReferenceKind, ...]] = ("property", "type", "call")
"""If several patterns caught one name, the last of these says most."""
CODE: Final = {kind: number for number, kind in enumerate(REFERENCE_KINDS)}
DOT: Final = ord(".")
CALLED: Final = frozenset((b"(", b"`"))
MAY_BE_CALLED: Final = frozenset((b" ", b"\t", b"?"))
CALL: Final = re.compile(rb"[ \t]*(?:\?\.)?[(`]")
"""A member is called if this follows it. As a pattern of its own every call would be caught twice."""
WORDS: Final = bytes(byte if chr(byte).isalnum() or byte in b"_$." or byte > 127 else 32 for byte in range(256))  # noqa: PLR2004
"""What is no part of a dotted name becomes a space."""
START: Final = attrgetter("start_byte")
END: Final = attrgetter("end_byte")


def read_references(
    source: Source,
    captures: Captures,
    definitions: list[Definition],
    boundaries: Boundaries,
    imported: list[Imported],
    binding: Callable[[Import], str | None],
) -> References:
    """All references in the order of the file, each with the innermost definition around it."""
    codes, ends = _places(source.data, captures, imported)
    if not codes:
        return NO_REFERENCES
    starts = sorted(codes)
    stops = list(map(ends.__getitem__, starts))
    names = _names(source, starts, stops, {place.start: place.item for place in imported})
    if "" in names:  # the parser missed some and made them up
        starts, stops = list(compress(starts, names)), list(compress(stops, names))
        names = list(filter(None, names))
    lines = _lines(source.starts, starts)
    cols = list(map(sub, starts, map([0, *source.starts].__getitem__, lines)))
    kinds = list(map(codes.__getitem__, starts))
    by_name = {name: place.item.ord for place in imported if (name := binding(place.item))}
    imports = _imports(source.data, starts, stops, names, by_name) if by_name else [NONE] * len(starts)
    if imported:
        _name_imports(imported, starts, imports)
    enclosing = _enclosing(boundaries, starts)
    meant = read_scopes(source.data, definitions, starts, names, enclosing, imports)
    return References(kinds, names, lines, cols, enclosing, imports, meant)


def _places(data: bytes, captures: Captures, imported: list[Imported]) -> tuple[dict[int, int], dict[int, int]]:
    """Kind and end of what may be a reference, by where it starts; what says most about a place wins."""
    codes: dict[int, int] = {}
    ends: dict[int, int] = {}
    for kind in KINDS:
        nodes = captures.get("ref." + kind)
        if nodes:
            starts = list(map(START, nodes))
            stops = list(map(END, nodes))
            ends.update(zip(starts, stops, strict=True))
            codes.update(dict.fromkeys(starts, CODE[kind]))
            if kind == "property":
                codes.update(dict.fromkeys(_called(data, starts, stops), CODE["call"]))
    for node in captures.get("name", ()):
        codes.pop(node.start_byte, None)
    for place in reversed(imported):
        codes[place.start] = CODE["reexport" if place.item.kind == "reexport" else "import"]
        ends[place.start] = place.end
    return codes, ends


def _called(data: bytes, starts: list[int], stops: list[int]) -> list[int]:
    """Those members that are called right where they stand."""
    return [
        start
        for start, stop in zip(starts, stops, strict=True)
        if (after := data[stop : stop + 1]) in CALLED or (after in MAY_BE_CALLED and CALL.match(data, stop))
    ]


def _names(source: Source, starts: list[int], stops: list[int], taken: Mapping[int, Import]) -> list[str]:
    text = source.ascii
    if text is None:
        names = [source.name(start, stop) for start, stop in zip(starts, stops, strict=True)]
    else:
        names = [text[start:stop][:MAX_NAME] for start, stop in zip(starts, stops, strict=True)]
    for start, item in taken.items():
        names[bisect_left(starts, start)] = _import_name(item)
    return names


def _lines(line_starts: list[int], starts: list[int]) -> list[int]:
    """The line of each place, from 1."""
    lines: list[int] = []
    add = lines.append
    line, next_line = 1, line_starts[1]
    for start in starts:
        while start >= next_line:
            line += 1
            next_line = line_starts[line]
        add(line)
    return lines


def _enclosing(boundaries: Boundaries, starts: list[int]) -> list[int]:
    """The innermost definition of each place: written for each stretch between two changes."""
    enclosing: list[int] = []
    done, around = 0, NONE
    for at, after in zip(*boundaries, strict=True):
        coming = bisect_left(starts, at, done)
        if coming > done:
            enclosing += [around] * (coming - done)
            done = coming
        around = after
    return enclosing + [around] * (len(starts) - done)


def _imports(data: bytes, starts: list[int], stops: list[int], names: list[str], by_name: dict[str, int]) -> list[int]:
    """The import that brought each name, or that brought what it is a member of; members of members too."""
    imports = list(map(by_name.get, names, repeat(NONE)))
    words = data.translate(WORDS)
    last_space = words.rfind
    import_of = {name.encode(): number for name, number in by_name.items()}.get
    for number in [number for number, start in enumerate(starts) if data[start - 1] == DOT]:
        dot = starts[number] - 1
        if number and stops[number - 1] == dot:
            imports[number] = imports[number - 1]
        else:
            imports[number] = import_of(words[last_space(b" ", 0, dot) + 1 : dot], NONE)
    return imports


def _name_imports(imported: list[Imported], starts: list[int], imports: list[int]) -> None:
    """The imports' own names come from themselves."""
    for place in reversed(imported):
        imports[bisect_left(starts, place.start)] = place.item.ord


def _import_name(item: Import) -> str:
    if item.name is None or item.name in {"*", "default"}:
        return (item.alias or item.spec)[:MAX_NAME]
    return item.name
