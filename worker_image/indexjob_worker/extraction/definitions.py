"""Definitions: captures in, a tree of definitions out, by one sort and one sweep over byte ranges.

Half of what an extraction costs beside parsing is spent here: what happens for each definition is written out flat.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter, le, lt
from typing import Final, NamedTuple

import tree_sitter

from indexjob_worker.extraction.comments import comment_above
from indexjob_worker.extraction.docstrings import read_docs
from indexjob_worker.extraction.source import Source
from indexjob_worker.languages.declaration import Language, reader
from indexjob_worker.model import MAX_DOC, MAX_NAME, MAX_SIGNATURE, NONE, Definition, SymbolKind

Captures = Mapping[str, Sequence[tree_sitter.Node]]

PRECEDENCE: Final[tuple[SymbolKind, ...]] = (
    "constructor",
    "property",
    "method",
    "function",
    "class",
    "struct",
    "interface",
    "enum",
    "type",
    "namespace",
    "enum_member",
    "field",
    "constant",
    "variable",
)
"""If several patterns caught one definition, the first of these says most."""
DEFINITIONS: Final = {"def." + kind: kind for kind in reversed(PRECEDENCE)}
VALUES: Final = frozenset({"constant", "variable", "field", "enum_member"})
"""What may have a long value behind it: the first line is its signature. Only the first of a name counts."""
MAX_INDENT: Final = 200
"""Bytes before a definition in its line beyond which they are no keywords that a person wrote."""
QUOTES: Final = frozenset("\"'")
HEAD_BYTES: Final = 300
KEYWORDS: Final = re.compile(rb"[a-z \t]*")
RANGE: Final = attrgetter("byte_range")
new = tuple.__new__  # a NamedTuple's own constructor costs several times as much


class Boundaries(NamedTuple):
    """From each of these bytes on, the definition beside it is the innermost (`NONE`: none is)."""

    at: list[int]
    ords: list[int]


class _Span(NamedTuple):
    """A range that holds a definition, or (no kind) exports what stands directly in it. Outer ones sort first."""

    start: int
    minus_end: int
    defines: bool
    kind: SymbolKind | None
    node: tree_sitter.Node


class _Open(NamedTuple):
    """A span that is not over yet; one without a kind exports."""

    end: int
    ord: int
    kind: SymbolKind | None
    exported: bool


TOP: Final = _Open(0, NONE, None, exported=False)


def read_definitions(source: Source, language: Language, captures: Captures) -> tuple[list[Definition], Boundaries]:
    """All definitions, and the places where the innermost one changes, in order of their bytes."""
    spans = _spans(captures)
    if not spans:
        return [], Boundaries([], [])
    defining = [span for span in spans if span.defines] if "export" in captures else spans
    starts = [span.start for span in defining]
    names = iter(_names(defining, starts, captures.get("name", ())))
    docs = read_docs(source, starts, captures["doc"]) if "doc" in captures else {}
    sweep = _Sweep(source, language, captures)
    number = 0
    for span in spans:
        if not span.defines:
            sweep.export(span)
            continue
        places = next(names)
        if places:
            sweep.define(span, places, docs.get(number, ""))
        number += 1
    sweep.leave_until(len(source.data) + 1)
    return sweep.definitions, sweep.boundaries


def _spans(captures: Captures) -> list[_Span]:
    """Each range once, outer ones before inner ones."""
    found: dict[tuple[int, int], _Span] = {}
    for capture, kind in DEFINITIONS.items():
        if capture in captures:
            for node in captures[capture]:
                start, end = node.byte_range
                found[start, end] = new(_Span, (start, -end, True, kind, node))
    if "export" not in captures:
        return sorted(found.values())
    exports = {node.byte_range: node for node in captures["export"]}
    marks = (_Span(start, -end, False, None, node) for (start, end), node in exports.items())  # noqa: FBT003
    return sorted([*found.values(), *marks])


def _names(
    spans: list[_Span], starts: list[int], nodes: Iterable[tree_sitter.Node]
) -> Sequence[Sequence[tuple[int, int]]]:
    """The places of each definition's names: those to which it is the innermost definition."""
    places = sorted(set(map(RANGE, nodes)))
    if len(places) == len(spans):
        firsts = [start for start, _ in places]
        if (
            all(map(le, starts, firsts))
            and all(map(lt, firsts, starts[1:]))
            and all(end <= -span.minus_end for (_, end), span in zip(places, spans, strict=True))
        ):
            return list(zip(places, strict=True))  # one each, as nearly always
    names: list[list[tuple[int, int]]] = [[] for _ in spans]
    stack: list[int] = []
    ahead = 0
    for place in places:
        while ahead < len(spans) and starts[ahead] <= place[0]:
            while stack and -spans[stack[-1]].minus_end <= starts[ahead]:
                stack.pop()
            stack.append(ahead)
            ahead += 1
        while stack and -spans[stack[-1]].minus_end < place[1]:
            stack.pop()
        if stack:
            names[stack[-1]].append(place)
    return names


class _Sweep:
    """Walks the spans in order with the open ones on a stack."""

    def __init__(self, source: Source, language: Language, captures: Captures) -> None:
        self.definitions: list[Definition] = []
        self.boundaries = Boundaries([], [])
        self._source = source
        self._language = language
        self._fields = reader(language).fields
        self._export_names = frozenset(source.name(*n.byte_range) for n in captures.get("export.name", ()))
        self._decorators = dict(map(RANGE, captures.get("decorator", ())))
        self._decorated = {source.last_line(end): source.line(start) for start, end in self._decorators.items()}
        self._stack: list[_Open] = []
        self._types: dict[str, int] = {}
        self._values: set[tuple[int, str]] = set()

    def export(self, span: _Span) -> None:
        self.leave_until(span.start)
        self._stack.append(_Open(-span.minus_end, NONE, None, exported=False))

    def define(self, span: _Span, places: Sequence[tuple[int, int]], doc: str) -> None:
        start, minus_end, _, kind, _ = span
        stack = self._stack
        if stack and stack[-1].end <= start:
            self.leave_until(start)
        parent, marked = TOP, False
        for around in reversed(stack):
            if around.kind is not None:
                parent = around
                break
            marked = True
        first: Definition | None = None
        for place in places:
            definition = self._define(span, kind, place, parent, doc, marked=marked)
            if definition is not None and first is None:
                first, kind = definition, definition.kind
        if first is not None:
            stack.append(new(_Open, (-minus_end, first.ord, kind, first.exported)))
            self.boundaries.at.append(start)
            self.boundaries.ords.append(first.ord)

    def leave_until(self, at: int) -> None:
        stack = self._stack
        while stack and stack[-1].end <= at:
            left = stack.pop()
            if left.kind is None:
                continue
            around = NONE
            for one in reversed(stack):
                if one.kind is not None:
                    around = one.ord
                    break
            self.boundaries.at.append(left.end)
            self.boundaries.ords.append(around)

    def _define(
        self, span: _Span, caught: SymbolKind | None, place: tuple[int, int], parent: _Open, doc: str, *, marked: bool
    ) -> Definition | None:
        source, language, at = self._source, self._language, place[0]
        text = source.ascii
        name = source.name(at, place[1]) if text is None or text[at] in QUOTES else text[at : place[1]]
        if not name or caught is None:
            return None
        name = name[:MAX_NAME]
        head = source.data[max(span.start, at - HEAD_BYTES) : at]
        kind = language.kind(caught, name, parent.kind, head)
        if kind is None:
            return None
        parent_ord = parent.ord
        if parent_ord == NONE and language.owner and (owner := language.owner(head)):
            parent_ord = self._types.get(owner, NONE)
        if kind in VALUES:
            if (parent_ord, name) in self._values:
                return None
            self._values.add((parent_ord, name))
        number = len(self.definitions)
        if parent.kind is None:
            self._types.setdefault(name, number)
            exported = marked or language.exported(name, self._export_names)
        else:
            exported = language.exported_member(name, parent.kind, parent.exported, head) or marked
        starts = source.starts
        line = first = bisect_right(starts, at)
        if starts[line - 1] > span.start:
            first = bisect_right(starts, span.start)
        end = -span.minus_end
        end_line = line if end <= starts[line] else source.last_line(end)
        signature = self._signature(span, kind, name, starts[first - 1])
        if not doc and language.doc_comments:
            doc = comment_above(source, first, self._decorated)
        definition = new(
            Definition,
            (number, None if parent_ord == NONE else parent_ord, kind, name, line, at - starts[line - 1], end_line,
             signature, doc[:MAX_DOC], exported),
        )  # fmt: skip
        self.definitions.append(definition)
        return definition

    def _signature(self, span: _Span, kind: SymbolKind, name: str, line_start: int) -> str:
        """From the line's keywords to the body, in one line."""
        source, start = self._source, span.start
        while start in self._decorators:
            start = self._decorators[start]
            while source.data[start : start + 1].isspace():
                start += 1
        if 0 < start - line_start < MAX_INDENT:
            before = source.data[line_start:start]
            if not before.isspace() and KEYWORDS.fullmatch(before):
                start = line_start
        if kind in VALUES:
            end = source.data.find(b"\n", span.start, -span.minus_end)
            if end < 0:
                end = -span.minus_end
        else:
            end = self._language.header_end(span.node, self._fields) or -span.minus_end
        text = source.text(start, min(end, start + 4 * MAX_SIGNATURE))
        tidy = " ".join(text.split()).rstrip(" {:;")
        if "\n" in text and kind not in VALUES:
            tidy = tidy.replace("( ", "(").replace(", )", ")")
        return "" if tidy == name else tidy[:MAX_SIGNATURE]
