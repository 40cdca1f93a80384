"""References: the hot loop. A repository has ten times as many as it has definitions."""

from collections.abc import Callable
from itertools import repeat
from typing import Final

from indexjob_worker.extraction.definitions import Boundary, Captures
from indexjob_worker.extraction.imports import Imported
from indexjob_worker.extraction.source import Source
from indexjob_worker.model import MAX_NAME, Import, Reference, ReferenceKind

KINDS: Final[tuple[ReferenceKind, ...]] = ("call", "type", "property")
"""If several patterns caught one name, the first of these says most."""
IMPORT: Final = -1
"""The rank of an import's name, before all kinds."""
NEVER: Final = 1 << 62
DOT: Final = ord(".")
MAX_RECEIVER_SEARCH: Final = 1 << 28
"""Bytes to search in for the members of imports: ten times what the largest file with a hundred imports needs."""


def read_references(
    source: Source,
    captures: Captures,
    boundaries: list[Boundary],
    imported: list[Imported],
    binding: Callable[[Import], str | None],
) -> list[Reference]:
    """All references in the order of the file, each with the innermost definition around it."""
    by_name = {name: place.item.ord for place in imported if (name := binding(place.item))}
    receivers = _receivers(source.data, by_name)
    taken = {place.start: place.item for place in imported}
    defined = {node.start_byte for node in captures.get("name", ())}

    data, starts, ascii_text = source.data, source.starts, source.ascii
    changes = iter(boundaries)
    change_at, next_enclosing = next(changes, (NEVER, None))
    enclosing: int | None = None
    line, line_start, next_line = 1, 0, starts[1]
    last_start = last_end = -1
    via: int | None = None
    rows: list[tuple[ReferenceKind, str, int, int, int | None, int | None]] = []
    for start, rank, end in _places(captures, imported):
        if start == last_start or (start in defined and rank != IMPORT):
            continue
        name = source.name(start, end) if end - start > MAX_NAME or ascii_text is None else ascii_text[start:end]
        if not name:
            continue  # the parser missed it and made it up
        while start >= next_line:
            line_start = next_line
            line += 1
            next_line = starts[line]
        while start >= change_at:
            enclosing = next_enclosing
            change_at, next_enclosing = next(changes, (NEVER, None))
        last_start = start
        if rank == IMPORT:
            item = taken[start]
            kind: ReferenceKind = "reexport" if item.kind == "reexport" else "import"
            rows.append((kind, _import_name(item), line, start - line_start, enclosing, item.ord))
            continue
        if data[start - 1] != DOT:
            via = by_name.get(name)
        elif last_end != start - 1:
            via = receivers.get(start)
        rows.append((KINDS[rank], name, line, start - line_start, enclosing, via))
        last_end = end
    # NamedTuple's own constructor costs twice as much.
    return list(map(tuple.__new__, repeat(Reference), rows))


def _places(captures: Captures, imported: list[Imported]) -> list[tuple[int, int, int]]:
    """Start, rank and end of what may be a reference, in order; what says most about a place comes first."""
    places = [(place.start, IMPORT, place.end) for place in imported]
    for rank, kind in enumerate(KINDS):
        places += [(node.start_byte, rank, node.end_byte) for node in captures.get("ref." + kind, ())]
    places.sort()  # each kind is in order already, so this merges
    return places


def _import_name(item: Import) -> str:
    if item.name is None or item.name in {"*", "default"}:
        return (item.alias or item.spec)[:MAX_NAME]
    return item.name


def _receivers(data: bytes, by_name: dict[str, int]) -> dict[int, int]:
    """Where a member of an import is named: the byte behind `name.`, and the import."""
    if len(by_name) * len(data) > MAX_RECEIVER_SEARCH:
        return {}
    found: dict[int, int] = {}
    for name, number in by_name.items():
        receiver = name.encode() + b"."
        at = data.find(receiver)
        while at >= 0:
            end = at + len(receiver)
            if not at or not (data[at - 1 : at].isalnum() or data[at - 1] in b"_$."):
                found[end] = number
            at = data.find(receiver, end)
    return found
