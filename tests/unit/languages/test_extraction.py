"""Extraction is total: any bytes give an extraction that holds together."""

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexjob_worker.extraction import extract
from indexjob_worker.languages import LANGUAGES, Language
from indexjob_worker.languages.declaration import reader
from indexjob_worker.model import (
    IMPORT_KINDS,
    MAX_DOC,
    MAX_NAME,
    MAX_SIGNATURE,
    MAX_SPEC,
    NO_REFERENCES,
    REFERENCE_KINDS,
    SYMBOL_KINDS,
    Extraction,
)
from indexjob_worker.wire import decode, encode

EACH = pytest.mark.parametrize("language", LANGUAGES.values(), ids=lambda one: one.name)
WORDS = [
    *(b'def class import from as return if async lambda @property __all__ = [ ] ( ) { } : ; , . * """ \' ` ${'.split()),
    *(b"function export default const let interface type enum namespace require('x') => new extends /** */ //".split()),
    *(b"func package struct var map[ a b _c D \xc3\xa4 \xff \x00 \xef\xbb\xbf 1 < > </ # \\ = 'm' \"n\"".split()),
    b"\n",
    b"\n    ",
    b"\r\n",
    b" ",
]
SOUP = st.lists(st.sampled_from(WORDS), max_size=120).map(b" ".join)


@EACH
def test_query_compiles_and_its_captures_are_known(language: Language) -> None:
    queries = reader(language).query, reader(language).top
    captures = {query.capture_name(number) for query in queries for number in range(query.capture_count)}
    known = {f"def.{kind}" for kind in SYMBOL_KINDS} | {f"import.{kind}" for kind in IMPORT_KINDS}
    known |= {f"ref.{kind}" for kind in REFERENCE_KINDS} | {"name", "doc", "decorator", "module"}
    known |= {"export", "export.name", "import.typing", "import.name", "import.alias", "import.default"}
    known |= {"import.namespace", "import.all", "expression"}
    assert {name for name in captures if not name.startswith("_")} <= known
    for query in queries:
        for pattern in range(query.pattern_count):
            assert not query.pattern_settings(pattern), "#set! after a predicate corrupts memory"
            assert not query.pattern_assertions(pattern), "#is? after a predicate corrupts memory"


def check(extraction: Extraction, data: bytes) -> None:
    lines = data.split(b"\n")
    definitions, references, imports = extraction.definitions, list(extraction.references), extraction.imports
    assert [d.ord for d in definitions] == list(range(len(definitions)))
    assert [i.ord for i in imports] == list(range(len(imports)))
    for d in definitions:
        assert d.parent_ord is None or 0 <= d.parent_ord < d.ord
        assert 1 <= d.line <= d.end_line <= extraction.lines
        assert 0 <= d.col < len(lines[d.line - 1])
        assert 0 < len(d.name) <= MAX_NAME
        assert len(d.signature) <= MAX_SIGNATURE
        assert "\n" not in d.signature
        assert len(d.doc) <= MAX_DOC
        assert d.kind in SYMBOL_KINDS
    for r in references:
        assert r.enclosing_ord is None or definitions[r.enclosing_ord].end_line >= r.line
        assert r.import_ord is None or imports[r.import_ord]
        assert 1 <= r.line <= extraction.lines
        assert 0 <= r.col < len(lines[r.line - 1])
        assert 0 < len(r.name) <= MAX_NAME
    assert all((a.line, a.col) < (b.line, b.col) for a, b in pairwise(references))
    assert all(0 < len(i.spec) <= MAX_SPEC and i.name != "" and i.alias != "" for i in imports)
    assert decode(encode(extraction)) == extraction


@EACH
@settings(max_examples=150, deadline=None)
@given(data=st.binary(max_size=400) | SOUP)
def test_any_bytes(language: Language, data: bytes) -> None:
    check(extract(data, language), data)


HOSTILE = {
    "nothing": b"",
    "newlines": b"\n" * 1000,
    "parentheses": b"(" * 200_000,
    "closed parentheses": b"(" * 50_000 + b")" * 50_000,
    "braces": b"{" * 100_000,
    "brackets": b"[" * 100_000,
    "blocks": b"if x:\n" * 5_000,
    "functions in functions": b"".join(b" " * i + b"def f():\n" for i in range(600)),
    "classes in classes": b"class A{m(){" * 5_000,
    "closed classes in classes": b"class A{m(){" * 3_000 + b"}}" * 3_000,
    "exports in exports": b"export namespace a{" * 5_000,
    "dots": b"a" + b".b" * 3_000,
    "calls": b"f(" * 2_000 + b")" * 2_000,
    "imports": b"".join(b"import a%d\n" % i for i in range(20_000)) + b"a0.b\n" * 10_000,
    "one long line": b"x=1;" * 10_000,
    "long name": b"def " + b"n" * 100_000 + b"(): pass\n",
    "strings": b'"' * 20_001,
    "templates": b"`${" * 10_000,
    "comments": b"/*" * 20_000,
    "comment lines": b"// x\n" * 50_000 + b"func F() {}\n",
    "bad text": b"\xff\xfe\x80" * 50_000,
    "byte order mark": b"\xef\xbb\xbfdef f(): pass\n",
    "unions": b"type A = " + b"| 'a'" * 20_000,
    "generics": b"x: " + b"A<" * 20_000,
    "tags": b"<a>" * 30_000,
    "operators": b"x = " + b"1+" * 100_000 + b"1",
}


@EACH
@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.timeout(60)
def test_hostile_files_cost_seconds_at_most(language: Language, data: bytes) -> None:
    """Beyond these sizes a chain of members or calls costs the query its square: the caller's deadline is for that."""
    start = time.process_time()
    check(extract(data, language), data)
    assert time.process_time() - start < 20


def test_a_name_that_the_parser_made_up_is_no_reference() -> None:
    assert extract(b"type\0a\0", LANGUAGES["go"]).references == NO_REFERENCES


@EACH
def test_too_complex(language: Language) -> None:
    assert extract(b") " * 100_000, language).status in {"too_complex", "syntax_error"}


def test_what_is_no_utf8_is_replaced() -> None:
    extraction = extract(b"// \xff doc\nfunction f() {}\n", LANGUAGES["javascript"])
    assert [d.doc for d in extraction.definitions] == ["\ufffd doc"]


def test_columns_count_bytes() -> None:
    extraction = extract("ä = 1; ö = ä.ü\n".encode(), LANGUAGES["python"])
    assert [(d.name, d.col) for d in extraction.definitions] == [("ä", 0), ("ö", 8)]
    assert [(r.name, r.col) for r in extraction.references] == [("ü", 16)]
