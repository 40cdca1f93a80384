"""Bytes in, an extraction out: pure, so that what comes out can be kept by the blob's object id.

One query over the whole tree, with captures instead of matches (half the cost), then sorting and sweeping over byte
ranges; no walk over the tree, no recursion. It is for a child process: bytes that take the parser for ever or crash it
are its caller's business, any others give an extraction.
"""

from collections.abc import Callable
from typing import Final

import tree_sitter

from indexjob_worker.extraction.definitions import read_definitions
from indexjob_worker.extraction.imports import read_imports
from indexjob_worker.extraction.references import read_references
from indexjob_worker.extraction.source import Source
from indexjob_worker.languages.declaration import Language, reader
from indexjob_worker.model import NO_REFERENCES, Extraction, ExtractionStatus

MAX_ROOT_CHILDREN: Final = 20_000
"""A broken file whose root has more children than that is no program: its query would take minutes."""

NAMED_BY_ANOTHER: Final = frozenset(
    {"variable_declarator", "assignment_expression", "pair", "field_definition", "public_field_definition"}
)
"""What gives the function in it a name of its own."""

__all__ = ["extract"]


def find(language: Language, root: tree_sitter.Node) -> dict[str, list[tree_sitter.Node]]:
    """All that the language's queries catch.

    A pattern that begins at the root waits for its end through the whole tree, and every node pays for it: such ones are
    in a query of their own that looks no deeper than it must.
    """
    read = reader(language)
    captures = tree_sitter.QueryCursor(read.query).captures(root)
    for place in (root, *(node for level in language.levels for node in captures.get(level, ()))):
        cursor = tree_sitter.QueryCursor(read.top)
        cursor.set_max_start_depth(0)
        for capture, nodes in cursor.captures(place).items():
            captures.setdefault(capture, []).extend(nodes)
    for node in captures.pop("expression", ()):
        name, around = node.child_by_field_name("name"), node.parent
        if name and around and around.type not in NAMED_BY_ANOTHER:
            captures.setdefault("def.function", []).append(node)
            captures.setdefault("name", []).append(name)
    return captures


def extract(data: bytes, language: Language, lap: Callable[[], object] = lambda: None) -> Extraction:
    """Read one file. Never raises, whatever the bytes are; what is no valid UTF-8 is read as U+FFFD.

    `lap` is called when parsing is done, and again when definitions and imports are.
    """
    read = reader(language)
    source = Source(data)
    root = read.parser.parse(data).root_node
    lap()
    broken = root.has_error
    if broken and root.child_count > MAX_ROOT_CHILDREN:
        return Extraction("too_complex", source.lines, [], NO_REFERENCES, [])
    captures = find(language, root)
    definitions, boundaries = read_definitions(source, language, captures)
    imported = read_imports(source, captures)
    lap()
    references = read_references(source, captures, definitions, boundaries, imported, language.binding)
    status: ExtractionStatus = "syntax_error" if broken else "ok"
    return Extraction(status, source.lines, definitions, references, [place.item for place in imported])
