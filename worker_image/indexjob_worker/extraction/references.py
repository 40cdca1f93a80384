"""References: the hot loop. A repository has ten times as many as it has definitions."""

from collections.abc import Callable
from itertools import repeat
from typing import Final

from indexjob_worker.extraction.definitions import Boundary, Captures
from indexjob_worker.extraction.imports import Imported
from indexjob_worker.extraction.source import Source
from indexjob_worker.model import MAX_NAME, Import, Reference, ReferenceKind

KINDS: Final[tuple[ReferenceKind, ...]] = ("property", "type", "call")
"""If several patterns caught one name, the last of these says most."""
NEVER: Final = 1 << 62
DOT: Final = ord(".")
MAX_RECEIVER_SEARCH: Final = 1 << 28
"""Bytes to search in for the members of imports: ten times what the largest file with a hundred imports needs."""

Place = tuple[int, int]


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
    places = _places(captures, imported)
    names = _names(source, places)

    data, starts = source.data, source.starts
    changes = iter(boundaries)
    change_at, next_enclosing = next(changes, (NEVER, None))
    enclosing: int | None = None
    line, line_start, next_line = 1, 0, starts[1]
    last_end = -1
    via: int | None = None
    rows: list[tuple[ReferenceKind, str, int, int, int | None, int | None]] = []
    for ((start, end), what), name in zip(places, names, strict=True):
        if not name:
            continue  # the parser missed it and made it up
        while start >= next_line:
            line_start = next_line
            line += 1
            next_line = starts[line]
        while start >= change_at:
            enclosing = next_enclosing
            change_at, next_enclosing = next(changes, (NEVER, None))
        if isinstance(what, Import):
            kind: ReferenceKind = "reexport" if what.kind == "reexport" else "import"
            rows.append((kind, _import_name(what), line, start - line_start, enclosing, what.ord))
            continue
        if data[start - 1] != DOT:
            via = by_name.get(name)
        elif last_end != start - 1:
            via = receivers.get(start)
        rows.append((what, name, line, start - line_start, enclosing, via))
        last_end = end
    # NamedTuple's own constructor costs twice as much.
    return list(map(tuple.__new__, repeat(Reference), rows))


def _places(captures: Captures, imported: list[Imported]) -> list[tuple[Place, ReferenceKind | Import]]:
    """Where something is referred to, once a place, in order. What is defined there isn't referred to."""
    places: dict[Place, ReferenceKind | Import] = {}
    for kind in KINDS:
        places |= dict.fromkeys([node.byte_range for node in captures.get("ref." + kind, ())], kind)
    for node in captures.get("name", ()):
        places.pop(node.byte_range, None)
    for place in imported:
        places[place.start, place.end] = place.item
    return sorted(places.items(), key=_place)


def _place(item: tuple[Place, ReferenceKind | Import]) -> Place:
    return item[0]


def _names(source: Source, places: list[tuple[Place, ReferenceKind | Import]]) -> list[str]:
    text = source.ascii
    if text is None:
        return [source.name(start, end) for (start, end), _ in places]
    return [text[start:end] if end - start <= MAX_NAME else source.name(start, end) for (start, end), _ in places]


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
