"""Definitions: captures in, a tree of definitions out, by one sort and one sweep over byte ranges."""

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import tree_sitter

from indexjob_worker.extraction.comments import Comments
from indexjob_worker.extraction.source import Source
from indexjob_worker.languages.declaration import Found, Language
from indexjob_worker.model import MAX_DOC, MAX_SIGNATURE, Definition, SymbolKind

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
VALUES: Final = frozenset({"constant", "variable", "field", "enum_member"})
"""What may have a long value behind it: the first line is its signature. Only the first of a name counts."""
MAX_INDENT: Final = 200
"""Bytes before a definition in its line beyond which they are no keywords that a person wrote."""
KEYWORDS: Final = re.compile(rb"[a-z \t]*")
STRING: Final = re.compile(r"^[a-zA-Z]{0,2}('''|\"\"\"|'|\")(.*)\1$", re.DOTALL)


class Boundary(NamedTuple):
    """From this byte on, `ord` is the innermost definition (None: none is)."""

    at: int
    ord: int | None


class _Span:
    """A range that holds a definition, or (no kind) exports what stands directly in it."""

    __slots__ = ("doc", "end", "exported", "kind", "names", "node", "ord", "start")

    def __init__(self, start: int, end: int, kind: SymbolKind | None, node: tree_sitter.Node) -> None:
        self.start = start
        self.end = end
        self.kind = kind
        self.node = node
        self.names: list[tuple[int, int]] = []
        self.doc = ""
        self.ord: int | None = None
        self.exported = False


def read_definitions(source: Source, language: Language, captures: Captures) -> tuple[list[Definition], list[Boundary]]:
    """All definitions, and the places where the innermost one changes, in order of their bytes."""
    spans = _spans(captures)
    _give_names(spans, captures.get("name", ()))
    _give_docs(spans, source, captures.get("doc", ()))
    comments = Comments(source, captures.get("comment", ()), captures.get("decorator", ()))
    export_names = frozenset(source.name(*n.byte_range) for n in captures.get("export.name", ()))
    decorators = dict(node.byte_range for node in captures.get("decorator", ()))
    sweep = _Sweep(source, language, comments, export_names, decorators)
    for span in spans:
        sweep.enter(span)
    sweep.leave_until(len(source.data) + 1)
    return sweep.definitions, sweep.boundaries


def _spans(captures: Captures) -> list[_Span]:
    """Each range once, outer ones before inner ones."""
    found: dict[tuple[int, int, bool], _Span] = {}
    for kind in PRECEDENCE:
        for node in captures.get("def." + kind, ()):
            start, end = node.byte_range
            if (start, end, True) not in found:
                found[start, end, True] = _Span(start, end, kind, node)
    for node in captures.get("export", ()):
        start, end = node.byte_range
        found.setdefault((start, end, False), _Span(start, end, None, node))
    return [span for _, span in sorted(found.items(), key=lambda item: (item[0][0], -item[0][1], item[0][2]))]


def _innermost(spans: Iterable[_Span], places: Iterable[tuple[int, int]]) -> Iterable[tuple[_Span, tuple[int, int]]]:
    """Each place (in order) with the innermost definition around it."""
    stack: list[_Span] = []
    ahead = iter([span for span in spans if span.kind])
    span = next(ahead, None)
    for place in places:
        while span and span.start <= place[0]:
            while stack and stack[-1].end <= span.start:
                stack.pop()
            stack.append(span)
            span = next(ahead, None)
        while stack and stack[-1].end < place[1]:
            stack.pop()
        if stack:
            yield stack[-1], place


def _give_names(spans: list[_Span], names: Iterable[tree_sitter.Node]) -> None:
    places = sorted({node.byte_range for node in names})
    for span, place in _innermost(spans, places):
        span.names.append(place)


def _give_docs(spans: list[_Span], source: Source, docs: Iterable[tree_sitter.Node]) -> None:
    places = sorted({node.byte_range for node in docs})
    for span, (start, end) in _innermost(spans, places):
        text = source.text(start, min(end, start + 8 * MAX_DOC))
        quoted = STRING.match(text)
        span.doc = span.doc or inspect.cleandoc(quoted[2] if quoted else text.lstrip("\"'rRuU"))


class _Sweep:
    """Walks the spans in order with the open ones on a stack."""

    def __init__(
        self,
        source: Source,
        language: Language,
        comments: Comments,
        export_names: frozenset[str],
        decorators: dict[int, int],
    ) -> None:
        self.definitions: list[Definition] = []
        self.boundaries: list[Boundary] = []
        self._source = source
        self._language = language
        self._comments = comments
        self._export_names = export_names
        self._decorators = decorators
        self._stack: list[_Span] = []
        self._types: dict[str, int] = {}
        self._values: set[tuple[int | None, str]] = set()

    def enter(self, span: _Span) -> None:
        self.leave_until(span.start)
        if span.kind is None:
            self._stack.append(span)
            return
        parent, marked = self._around()
        for place in span.names:
            definition = self._define(span, place, parent, marked=marked)
            if definition is None:
                continue
            self.definitions.append(definition)
            if span.ord is None:
                span.ord, span.exported, span.kind = definition.ord, definition.exported, definition.kind
        if span.ord is not None:
            self._stack.append(span)
            self.boundaries.append(Boundary(span.start, span.ord))

    def leave_until(self, at: int) -> None:
        while self._stack and self._stack[-1].end <= at:
            left = self._stack.pop()
            if left.kind is not None:
                parent, _ = self._around()
                self.boundaries.append(Boundary(left.end, parent.ord if parent else None))

    def _around(self) -> tuple[_Span | None, bool]:
        """The innermost open definition, and whether an export stands between it and here."""
        marked = False
        for span in reversed(self._stack):
            if span.kind is not None:
                return span, marked
            marked = True
        return None, marked

    def _define(self, span: _Span, place: tuple[int, int], parent: _Span | None, *, marked: bool) -> Definition | None:
        source, language = self._source, self._language
        name = source.name(*place)
        if not name or span.kind is None:
            return None
        head = source.data[max(span.start, place[0] - 300) : place[0]]
        found = Found(
            kind=span.kind,
            name=name,
            head=head,
            parent_kind=parent.kind if parent else None,
            parent_exported=parent is not None and parent.exported,
            marked=marked,
            export_names=self._export_names,
        )
        kind = language.kind(found)
        if kind is None:
            return None
        parent_ord = parent.ord if parent else None
        if parent_ord is None and (owner := language.owner(head)):
            parent_ord = self._types.get(owner)
        if kind in VALUES:
            if (parent_ord, name) in self._values:
                return None
            self._values.add((parent_ord, name))
        number = len(self.definitions)
        if parent is None:
            self._types.setdefault(name, number)
        line = source.line(place[0])
        first = line if source.starts[line - 1] <= span.start else source.line(span.start)
        row = (
            number,
            parent_ord,
            kind,
            name,
            line,
            place[0] - source.starts[line - 1],
            source.last_line(span.end),
            self._signature(span, kind, name, source.starts[first - 1]),
            (span.doc or self._comments.above(first))[:MAX_DOC],
            language.exported(found),
        )
        return Definition._make(row)

    def _signature(self, span: _Span, kind: SymbolKind, name: str, line_start: int) -> str:
        """From the line's keywords to the body, in one line."""
        source, start = self._source, span.start
        while start in self._decorators:
            start = self._decorators[start]
            while source.data[start : start + 1].isspace():
                start += 1
        if start - line_start < MAX_INDENT and KEYWORDS.fullmatch(source.data, line_start, start):
            start = line_start
        if kind in VALUES:
            newline = source.data.find(b"\n", span.start, span.end)
            end = newline if newline >= 0 else span.end
        else:
            end = self._language.header_end(span.node) or span.end
        text = source.text(start, min(end, start + 4 * MAX_SIGNATURE))
        tidy = " ".join(text.split()).rstrip(" {:;")
        if "\n" in text:
            tidy = tidy.replace("( ", "(").replace(", )", ")")
        return "" if tidy == name else tidy[:MAX_SIGNATURE]
