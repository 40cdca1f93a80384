"""How an extraction crosses from the child that parsed foreign bytes to the parent that holds a credential.

The child may have been taken over by what it parsed, so the parent must not unpickle or unmarshal what it sends (both
can be made to run code or crash). Columns of integers and NUL-joined text are read by nothing that can be tricked, are
checked value by value, and are faster than either.
"""

import json
import sys
from array import array
from collections.abc import Iterable, Sequence
from itertools import repeat
from operator import ge
from typing import Final

from indexjob_worker.model import (
    EXTRACTION_STATUSES,
    IMPORT_KINDS,
    NONE,
    REFERENCE_KINDS,
    SYMBOL_KINDS,
    Definition,
    Extraction,
    Import,
    References,
)

INT: Final = "i"
MAX_INT: Final = 2**31 - 1


class MalformedExtractionError(ValueError):
    """The bytes are no extraction: the child is broken or hostile. Its file is lost, the run goes on."""


def encode(extraction: Extraction) -> bytes:
    """Pack an extraction. The inverse of `decode`."""
    definitions, references, imports = extraction.definitions, extraction.references, extraction.imports
    ints: list[array[int]] = []
    texts: list[str] = []
    if definitions:
        _, parent, kind, name, line, col, end_line, signature, doc, exported = zip(*definitions, strict=True)
        ints += [_optional(parent), _codes(kind, SYMBOL_KINDS), array(INT, line), array(INT, col)]
        ints += [array(INT, end_line), array(INT, exported)]
        texts += [*name, *signature, *doc]
    ints += [array(INT, references.kinds), array(INT, references.lines), array(INT, references.cols)]
    ints += [array(INT, references.enclosing), array(INT, references.imports), array(INT, references.definitions)]
    texts += references.names
    if imports:
        _, ikind, spec, iname, alias, iline = zip(*imports, strict=True)
        ints += [_codes(ikind, IMPORT_KINDS), array(INT, iline)]
        # A name is never empty, so an empty one stands for none.
        texts += [*spec, *(n or "" for n in iname), *(a or "" for a in alias)]
    head = json.dumps(
        [extraction.status, extraction.lines, len(definitions), len(references), len(imports)],
    ).encode()
    body = b"".join(column.tobytes() for column in ints)
    return b"%d\n%s%s%s" % (len(head), head, body, "\0".join(texts).encode())


def decode(data: bytes) -> Extraction:
    """Unpack and check an extraction that came from a child.

    Raises:
        MalformedExtractionError: a value is missing, left over, or outside what it may be.
    """
    try:
        return _decode(data)
    except (ValueError, IndexError, TypeError, OverflowError, RecursionError) as error:
        raise MalformedExtractionError("A child sent something that is no extraction") from error


def _decode(data: bytes) -> Extraction:
    size, _, _ = data[:12].partition(b"\n")
    at = len(size) + 1
    end = at + int(size)
    status, lines, n_definitions, n_references, n_imports = json.loads(data[at:end])
    _within((n_definitions, n_references, n_imports), 0, len(data))
    _within((lines,), 0, MAX_INT)
    if status not in EXTRACTION_STATUSES:
        raise ValueError(status)
    columns = _Columns(data, end)
    d_ints = [columns.take(n_definitions) for _ in range(6)]
    r_ints = [columns.take(n_references) for _ in range(6)]
    i_ints = [columns.take(n_imports) for _ in range(2)]
    texts = columns.texts(3 * n_definitions + n_references + 3 * n_imports)
    d_texts, r_texts, i_texts = _split(texts, 3 * n_definitions, n_references)

    parent, kind, line, col, end_line, exported = d_ints
    _all_within(lines, (line, end_line))
    _non_negative((kind, col))
    if any(map(ge, parent, range(n_definitions))) or (parent and min(parent) < NONE):
        raise ValueError("a parent comes before its children")
    names, signatures, docs = _split(d_texts, n_definitions, n_definitions)
    kinds = map(SYMBOL_KINDS.__getitem__, kind)
    flags = map(bool, exported)
    rows = zip(
        range(n_definitions), _none(parent), kinds, names, line, col, end_line, signatures, docs, flags, strict=True
    )
    definitions = list(map(tuple.__new__, repeat(Definition), rows))

    rkind, rline, rcol, enclosing, via, meant = r_ints
    _all_within(lines, (rline,))
    _non_negative((rcol,))
    _within(enclosing, NONE, n_definitions - 1)
    _within(via, NONE, n_imports - 1)
    _within(meant, NONE, n_definitions - 1)
    _within(rkind, 0, len(REFERENCE_KINDS) - 1)
    rnames = list(map(sys.intern, r_texts))  # few names, many uses
    references = References(rkind, rnames, rline, rcol, enclosing, via, meant)

    ikind, iline = i_ints
    _all_within(lines, (iline,))
    _non_negative((ikind,))
    specs, inames, aliases = _split(i_texts, n_imports, n_imports)
    ikinds = map(IMPORT_KINDS.__getitem__, ikind)
    taken = [name or None for name in inames]
    called = [alias or None for alias in aliases]
    taking = zip(range(n_imports), ikinds, specs, taken, called, iline, strict=True)
    imports = list(map(tuple.__new__, repeat(Import), taking))
    return Extraction(status, lines, definitions, references, imports)


class _Columns:
    """Reads columns one after the other; refuses to read past the end."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

    def take(self, count: int) -> "array[int]":
        column = array(INT)
        end = self._at + count * column.itemsize
        if end > len(self._data):
            raise ValueError("cut off")
        column.frombytes(self._data[self._at : end])
        self._at = end
        return column

    def texts(self, count: int) -> list[str]:
        texts = self._data[self._at :].decode().split("\0")
        if not count and texts == [""]:
            return []
        if len(texts) != count:
            raise ValueError("texts")
        return texts


def _codes(kinds: Iterable[str], vocabulary: Sequence[str]) -> "array[int]":
    code = {kind: number for number, kind in enumerate(vocabulary)}
    return array(INT, map(code.__getitem__, kinds))


def _optional(ords: Iterable[int | None]) -> "array[int]":
    return array(INT, [NONE if o is None else o for o in ords])


def _none(column: Iterable[int]) -> list[int | None]:
    return [None if value == NONE else value for value in column]


def _split(texts: list[str], first: int, second: int) -> tuple[list[str], list[str], list[str]]:
    return texts[:first], texts[first : first + second], texts[first + second :]


def _within(column: Sequence[int], low: int, high: int) -> None:
    if column and (min(column) < low or max(column) > high):
        raise ValueError("out of range")


def _all_within(lines: int, columns: Iterable[Sequence[int]]) -> None:
    for column in columns:
        _within(column, 1, lines)


def _non_negative(columns: Iterable[Sequence[int]]) -> None:
    for column in columns:
        _within(column, 0, MAX_INT)
