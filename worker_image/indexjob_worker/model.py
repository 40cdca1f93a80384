"""The nouns of an index: what one file holds, and how files hang together.

They are tuples because a repository has millions of them: extraction makes them in forked children, the parent turns
them into COPY rows. Nothing here reads, writes or parses. Text never holds NUL (Postgres refuses it) and is always
valid Unicode; lines count from 1; columns count from 0 in **bytes of the file** (as git does), at the name itself.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, get_args

if TYPE_CHECKING:  # children have no use for Postgres
    from indexjob.index.rows import ReferenceColumns

SymbolKind = Literal[
    "namespace",
    "class",
    "struct",
    "interface",
    "enum",
    "type",
    "function",
    "method",
    "constructor",
    "property",
    "field",
    "enum_member",
    "constant",
    "variable",
]
"""LSP's vocabulary, in lower case; `type` is a type alias or a named type that is no struct, interface or enum."""

ReferenceKind = Literal["call", "property", "type", "import", "reexport"]
ImportKind = Literal["import", "from", "type", "reexport", "require", "dynamic"]
"""How a module is named: whole (`import`), by one of its names (`from`), for types alone (`type`: gone at run time),
passed on (`reexport`), or by a call (`require`, and `dynamic`, which may never run)."""

ExtractionStatus = Literal["ok", "syntax_error", "too_complex"]
FileStatus = Literal[
    "ok",  # extracted
    "syntax_error",  # extracted, but parts of it are not in the language's grammar
    "too_complex",  # looked at and left out: it is no source text that a person wrote
    "unsupported",  # no language of ours
    "binary",  # NUL in its first 8 KB
    "too_large",  # over the size cap, not read
    "lfs_pointer",  # its content is elsewhere
    "symlink",
    "submodule",
    "excluded",  # the request's include, exclude or languages left it out
    "unreadable",  # git could not give its bytes
    "timeout",  # the child that read it was over its deadline
    "crash",  # the child that read it died
]
DependencyKind = Literal["internal", "external", "unresolved"]
"""`internal`: a file of this commit. `external`: a library or the language's own. `unresolved`: it says that it is of
this repository (a relative path, a workspace package), but no such file is in the commit."""

SYMBOL_KINDS: Final[tuple[SymbolKind, ...]] = get_args(SymbolKind)
REFERENCE_KINDS: Final[tuple[ReferenceKind, ...]] = get_args(ReferenceKind)
IMPORT_KINDS: Final[tuple[ImportKind, ...]] = get_args(ImportKind)
EXTRACTION_STATUSES: Final[tuple[ExtractionStatus, ...]] = get_args(ExtractionStatus)
FILE_STATUSES: Final[tuple[FileStatus, ...]] = get_args(FileStatus)
DEPENDENCY_KINDS: Final[tuple[DependencyKind, ...]] = get_args(DependencyKind)

NONE: Final = -1
"""Stands for no number in columns of numbers."""
MAX_NAME: Final = 500
MAX_SIGNATURE: Final = 300
MAX_DOC: Final = 2000
MAX_SPEC: Final = 1000
"""The most characters that a name, a signature, a doc and an import's spec have; longer ones are cut."""


class Definition(NamedTuple):
    """One thing that a file defines. `ord` is its place in the file, dense from 0; a parent comes before its children.

    `line` and `col` are where its name stands, `end_line` is the last line of the whole of it. `signature` is one line
    ('' if there is nothing to say beyond the name), `doc` is '' if it has none. `exported`: other files may use it.
    """

    ord: int
    parent_ord: int | None
    kind: SymbolKind
    name: str
    line: int
    col: int
    end_line: int
    signature: str
    doc: str
    exported: bool


class Reference(NamedTuple):
    """One use of a name. `enclosing_ord` is the innermost definition around it, None at the top of the file.

    `import_ord` is the import that brought the name, or that brought what it is a member of, where the file tells.
    `definition_ord` is the definition of this very file that it most likely means: by the scopes around it, or as a
    member of its own class or of one that it names. A local variable of the same name is not known of.
    """

    kind: ReferenceKind
    name: str
    line: int
    col: int
    enclosing_ord: int | None
    import_ord: int | None
    definition_ord: int | None


@dataclass(frozen=True, slots=True, eq=False)
class References:
    """All references of a file, in its order, as columns: there are ten times as many as definitions.

    Kinds are places in `REFERENCE_KINDS`; what a reference has not is `NONE`.
    """

    kinds: Sequence[int]
    names: Sequence[str]
    lines: Sequence[int]
    cols: Sequence[int]
    enclosing: Sequence[int]
    imports: Sequence[int]
    definitions: Sequence[int]

    @classmethod
    def of(cls, rows: Iterable[Reference]) -> "References":
        """Turn rows into columns."""
        kinds, names, lines, cols, *ords = tuple(zip(*rows, strict=True)) or ((),) * 7
        return cls(
            [REFERENCE_KINDS.index(kind) for kind in kinds],
            names,
            lines,
            cols,
            *([NONE if one is None else one for one in column] for column in ords),
        )

    def __len__(self) -> int:
        return len(self.names)

    def columns(self) -> "ReferenceColumns":
        """As the index takes them."""
        kinds = list(map(REFERENCE_KINDS.__getitem__, self.kinds))
        return kinds, self.names, self.lines, self.cols, self.enclosing, self.imports, self.definitions

    def __iter__(self) -> Iterator[Reference]:
        kinds = map(REFERENCE_KINDS.__getitem__, self.kinds)
        columns = (self.enclosing, self.imports, self.definitions)
        ords = ([None if one == NONE else one for one in column] for column in columns)
        return map(tuple.__new__, repeat(Reference), zip(kinds, self.names, self.lines, self.cols, *ords, strict=True))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, References) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


NO_REFERENCES: Final = References((), (), (), (), (), (), ())


class Import(NamedTuple):
    """One name that comes from one module. `import a, b` is two of them. `ord` is dense from 0.

    `spec` names the module as written ('..pkg', './x.js', 'fmt'). `name` is what is taken from it: None for the module
    itself, '*' for everything, 'default' for a default export. `alias` is what this file calls it, if not `name`.
    """

    ord: int
    kind: ImportKind
    spec: str
    name: str | None
    alias: str | None
    line: int


class Extraction(NamedTuple):
    """All that one file's bytes tell by themselves. Pure: the same bytes, language and version give the same."""

    status: ExtractionStatus
    lines: int
    definitions: list[Definition]
    references: References
    imports: list[Import]


class FileFlags(NamedTuple):
    """What to tell about a file without hiding it."""

    generated: bool = False
    vendored: bool = False
    minified: bool = False


class Dependency(NamedTuple):
    """One file needs another. `dst_path` is None unless `kind` is internal; `spec` is the import as written.

    A package (Go) is a dependency on each of its files. (src, dst, spec) occurs once.
    """

    src_path: str
    dst_path: str | None
    spec: str
    kind: DependencyKind
