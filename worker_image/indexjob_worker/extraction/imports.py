"""Imports: the pieces that the query found, put together statement by statement."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from indexjob_worker.extraction.definitions import Captures
from indexjob_worker.extraction.source import Source
from indexjob_worker.model import IMPORT_KINDS, MAX_SPEC, Import, ImportKind

PIECES: Final = ("module", "import.name", "import.alias", "import.default", "import.namespace", "import.all")


class Imported(NamedTuple):
    """An import, and the bytes at which its name stands."""

    item: Import
    start: int
    end: int


class _Statement(NamedTuple):
    start: int
    end: int
    kind: ImportKind


class _Piece(NamedTuple):
    start: int
    end: int
    what: str


def read_imports(source: Source, captures: Captures) -> list[Imported]:
    """All imports in the order of the file."""
    imported: list[Imported] = []
    for statement, pieces in _grouped(captures):
        for name, alias, module, at in _taken(pieces):
            spec = source.text(module.start, min(module.end, module.start + 4 * MAX_SPEC))[:MAX_SPEC]
            if not spec:
                continue
            called = alias and source.name(alias.start, alias.end)
            item = Import(
                len(imported), statement.kind, spec, _written(source, name), called or None, source.line(at.start)
            )
            imported.append(Imported(item, at.start, at.end))
    return imported


def _written(source: Source, name: _Piece | str | None) -> str | None:
    return (source.name(name.start, name.end) or None) if isinstance(name, _Piece) else name


def _grouped(captures: Captures) -> Iterator[tuple[_Statement, list[_Piece]]]:
    """Each outermost statement with its pieces in order."""
    typing = sorted(node.byte_range for node in captures.get("import.typing", ()))
    statements = sorted(
        {
            (node.start_byte, -node.end_byte, rank, kind)
            for rank, kind in enumerate(reversed(IMPORT_KINDS))
            for node in captures.get("import." + kind, ())
        }
    )
    pieces = iter(sorted({_Piece(*n.byte_range, what) for what in PIECES for n in captures.get(what, ())}))
    piece = next(pieces, None)
    last = -1
    for start, minus_end, _, kind in statements:
        end = -minus_end
        if start < last:
            continue  # inside of the one before, or the same again
        last = end
        own: list[_Piece] = []
        while piece and piece.start < end:
            if piece.start >= start:
                own.append(piece)
            piece = next(pieces, None)
        while typing and typing[0][1] <= start:
            typing.pop(0)
        for_types = bool(typing) and typing[0][0] <= start
        yield _Statement(start, end, "type" if for_types else kind), own


def _taken(
    pieces: list[_Piece],
) -> Iterator[tuple[_Piece | str | None, _Piece | None, _Piece, _Piece]]:
    """What one statement takes: name, alias, module, and the piece at which the name stands."""
    modules = [piece for piece in pieces if piece.what == "module"]
    if not modules:
        return
    named = False
    for piece, after in zip(pieces, [*pieces[1:], None], strict=True):
        alias = after if after and after.what == "import.alias" else None
        match piece.what:
            case "import.name":
                yield piece, alias, modules[0], piece
            case "import.default":
                yield "default", piece, modules[0], piece
            case "import.namespace":
                yield None, piece, modules[0], piece
            case "import.all":
                yield "*", None, modules[0], piece
            case _:
                continue
        named = True
    if named:
        return
    for piece, after in zip(pieces, [*pieces[1:], None], strict=True):
        if piece.what == "module":
            yield None, after if after and after.what == "import.alias" else None, piece, piece
