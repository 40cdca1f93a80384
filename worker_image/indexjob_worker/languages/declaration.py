"""What the worker must be told about a language: one query file and one short declaration.

The query's captures carry the meaning, the declaration holds the few rules that a query cannot say. Captures:

    @def.<kind>         the whole of a definition; its kind is one of `SymbolKind`
    @name               a name of the innermost definition around it (`const a, b = 1, 2` has two)
    @doc                a documentation string inside a definition
    @comment            a comment; what stands right above a definition is its doc
    @decorator          stands between a definition and the comment above it
    @export             what it holds directly is exported
    @export.name        a name that the file exports elsewhere than where it is defined
    @ref.<kind>         the name in a reference: call, property or type; of two at one place the first of these wins
    @import.<kind>      a whole import statement or call; its kind is one of `ImportKind`
    @import.typing      imports in here are for types alone
    @module             the module's name in an import
    @import.name        a name that is taken from the module      (`from a import b`, `import {b} from 'a'`)
    @import.alias       what the file calls what stands before it (`as c`)
    @import.default     the file's name for the default export    (`import d from 'a'`)
    @import.namespace   the file's name for the whole module      (`import * as n from 'a'`)
    @import.all         everything is taken                       (`*`)

py-tree-sitter 0.26.1 corrupts memory when a text predicate is followed by `#set!` or `#is?`: no query has either.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Literal, NamedTuple

import tree_sitter

from indexjob_worker.model import Import, SymbolKind

Resolver = Literal["python", "ecmascript", "go"]


class Found(NamedTuple):
    """A definition as its language's rules see it. `head` is its text before its name, as bytes."""

    kind: SymbolKind
    name: str
    head: bytes
    parent_kind: SymbolKind | None
    parent_exported: bool
    marked: bool  # stands directly in an @export
    export_names: Collection[str]


@dataclass(frozen=True, slots=True, eq=False)
class Language:
    """One language; there is one of each. Cheap to have: its grammar is imported when the first file needs it."""

    name: str
    extensions: tuple[str, ...]
    grammar: tuple[str, str]
    """The module of the grammar's wheel, and the function in it."""
    queries: tuple[str, ...]
    """Files beside this module, joined into one query."""
    resolver: Resolver
    kind: Callable[[Found], SymbolKind | None]
    """The final kind, None if it is no definition worth keeping (a local variable)."""
    exported: Callable[[Found], bool]
    header_end: Callable[[tree_sitter.Node], int | None]
    """The byte where the signature ends and the body begins; None if there is no body."""
    binding: Callable[[Import], str | None]
    """The name by which the file calls an import, None if it brings none."""
    owner: Callable[[bytes], str | None] = lambda _head: None
    """The name of the type that a definition says it belongs to without standing in it (a Go receiver)."""
    filenames: tuple[str, ...] = ()
    """Whole file names that tell the language, where the extension doesn't."""


class Reader(NamedTuple):
    """A parser and its compiled query: made once a process and language (compiling costs some 10 ms)."""

    parser: tree_sitter.Parser
    query: tree_sitter.Query


@cache
def reader(language: Language) -> Reader:
    """Import the grammar's wheel and compile the language's query."""
    module, function = language.grammar
    grammar = tree_sitter.Language(getattr(import_module(module), function)())
    folder = files(__package__)
    query = "\n".join(folder.joinpath(name).read_text("utf-8") for name in language.queries)
    return Reader(tree_sitter.Parser(grammar), tree_sitter.Query(grammar, query))
