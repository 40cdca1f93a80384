"""Imports: the pieces that the query found, put together statement by statement."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from indexjob_worker.extraction.definitions import Captures
from indexjob_worker.extraction.source import Source
from indexjob_worker.model import IMPORT_KINDS, MAX_SPEC, Import, ImportKind

PIECES: Final = ("module", "import.name", "import.alias", "import.default", "import.namespace", "import.all")


new = tuple.__new__  # a NamedTuple's own constructor costs several times as much


class Imported(NamedTuple):
    """An import, and the bytes at which its name stands."""

    item: Import
    start: int
    end: int


Piece = tuple[int, int, str]
"""Start, end and capture of a part of a statement."""


def read_imports(source: Source, captures: Captures) -> list[Imported]:
    """All imports in the order of the file."""
    imported: list[Imported] = []
    for kind, pieces in _statements(captures):
        modules = [piece for piece in pieces if piece[2] == "module"]
        if not modules:
            continue
        for name, alias, (start, end, _), at in _taken(pieces, modules):
            spec = source.text(start, min(end, start + 4 * MAX_SPEC))[:MAX_SPEC]
            if not spec:
                continue
            called = source.name(alias[0], alias[1]) if alias else None
            written = (source.name(at[0], at[1]) or None) if name is None and at[2] == "import.name" else name
            row = (len(imported), kind, spec, written, called or None, source.line(at[0]))
            imported.append(new(Imported, (new(Import, row), at[0], at[1])))
    return imported


def _statements(captures: Captures) -> Iterator[tuple[ImportKind, list[Piece]]]:
    """Each outermost statement with its pieces in order."""
    statements = sorted(
        {
            (node.start_byte, -node.end_byte, rank, kind)
            for rank, kind in enumerate(reversed(IMPORT_KINDS))
            for node in captures.get("import." + kind, ())
        }
    )
    if not statements:
        return
    typing = sorted(node.byte_range for node in captures.get("import.typing", ()))
    pieces = sorted({(*node.byte_range, what) for what in PIECES for node in captures.get(what, ())})
    at, last = 0, -1
    for start, minus_end, _, kind in statements:
        if start < last:
            continue  # inside of the one before, or the same again
        last = -minus_end
        while at < len(pieces) and pieces[at][0] < start:
            at += 1
        first = at
        while at < len(pieces) and pieces[at][0] < last:
            at += 1
        while typing and typing[0][1] <= start:
            typing.pop(0)
        for_types = bool(typing) and typing[0][0] <= start
        yield "type" if for_types else kind, pieces[first:at]


def _taken(pieces: list[Piece], modules: list[Piece]) -> Iterator[tuple[str | None, Piece | None, Piece, Piece]]:
    """What one statement takes: name (None: as written there, if a name is), alias, module, and where the name stands."""
    named = False
    for number, piece in enumerate(pieces):
        what = piece[2]
        if what in {"module", "import.alias"}:
            continue
        named = True
        if what == "import.name":
            yield None, _alias(pieces, number), modules[0], piece
        elif what == "import.default":
            yield "default", piece, modules[0], piece
        elif what == "import.namespace":
            yield None, piece, modules[0], piece
        else:
            yield "*", None, modules[0], piece
    if not named:
        for number, piece in enumerate(pieces):
            if piece[2] == "module":
                yield None, _alias(pieces, number), piece, piece


def _alias(pieces: list[Piece], number: int) -> Piece | None:
    after = pieces[number + 1] if number + 1 < len(pieces) else None
    return after if after and after[2] == "import.alias" else None
