"""What the worker must be told about a language: one query file and one short declaration.

The query's captures carry the meaning, the declaration holds the few rules that a query cannot say. Captures:

    @def.<kind>         the whole of a definition; its kind is one of `SymbolKind`
    @name               a name of the innermost definition around it (`const a, b = 1, 2` has two)
    @doc                a documentation string inside a definition
    @expression         a function with a name, a definition unless what it stands in names it
    @decorator          stands between a definition and the comment above it
    @export             what it holds directly is exported
    @export.name        a name that the file exports elsewhere than where it is defined
    @ref.<kind>         the name in a reference: call, type or property; of two at one place the first of these wins, and a
                        property with an opening parenthesis behind it is a call
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

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Final, Literal, NamedTuple

import tree_sitter

from indexjob_worker.model import Import, SymbolKind

Resolver = Literal["python", "ecmascript", "go"]
Fields = Mapping[str, int]
FIELDS: Final = ("body", "value", "right", "type")
"""What `header_end` may ask for: by number, because by name costs three times as much."""


@dataclass(frozen=True, slots=True, eq=False)
class Language:
    """One language; there is one of each. Cheap to have: its grammar is imported when the first file needs it."""

    name: str
    extensions: tuple[str, ...]
    grammar: tuple[str, str]
    """The module of the grammar's wheel, and the function in it."""
    queries: tuple[str, ...]
    """Files beside this module, joined into one query over the whole tree."""
    top: str
    """The query for what counts directly in its place alone (no local variables): at the root, and in `levels`."""
    resolver: Resolver
    kind: Callable[[SymbolKind, str, SymbolKind | None, bytes], SymbolKind | None]
    """The final kind, None if it is no definition worth keeping: of what was caught, its name, the kind of the definition
    around it, and its own text before its name."""
    exported: Callable[[str, Collection[str]], bool]
    """Whether a name at the top of the file is exported, which says that it exports those."""
    exported_member: Callable[[str, SymbolKind, bool, bytes], bool]
    """The same inside of a definition: of its name, the kind of that, whether that is exported, its text before its name."""
    header_end: Callable[[tree_sitter.Node, Fields], int | None]
    """The byte where a definition's signature ends and its body begins; None if there is no body."""
    binding: Callable[[Import], str | None]
    """The name by which the file calls an import, None if it brings none."""
    owner: Callable[[bytes], str | None] | None = None
    """The name of the type that a definition says it belongs to without standing in it (a Go receiver)."""
    levels: tuple[str, ...] = ()
    """Captures whose nodes are places of their own for `top`."""
    doc_comments: bool = False
    """What stands right above a definition, in `//` or `/* */`, is its doc."""
    filenames: tuple[str, ...] = ()
    """Whole file names that tell the language, where the extension doesn't."""


class Grammar(NamedTuple):
    """What has to be read from files: the grammar out of its wheel, and the language's queries as text."""

    language: tree_sitter.Language
    query: str
    top: str


class Reader(NamedTuple):
    """A parser and its compiled queries: made once a process and language (compiling costs 10 to 180 ms)."""

    parser: tree_sitter.Parser
    query: tree_sitter.Query
    top: tree_sitter.Query
    fields: Fields


@cache
def grammar(language: Language) -> Grammar:
    """Import the grammar's wheel and read the language's queries: cheap."""
    module, function = language.grammar
    folder = files(__package__)
    query = "\n".join(folder.joinpath(name).read_text("utf-8") for name in language.queries)
    top = folder.joinpath(language.top).read_text("utf-8")
    return Grammar(tree_sitter.Language(getattr(import_module(module), function)()), query, top)


@cache
def reader(language: Language) -> Reader:
    """Compile the language's queries. Opens no file if its grammar was asked for before."""
    made, query, top = grammar(language)
    fields = {field: number for field in FIELDS if (number := made.field_id_for_name(field)) is not None}
    return Reader(tree_sitter.Parser(made), tree_sitter.Query(made, query), tree_sitter.Query(made, top), fields)
