"""The shapes that the index writer takes and gives.

Extractions come in millions of rows, so they are plain tuples: any NamedTuple with these fields in this order is one,
and the writer neither looks into them nor copies them more than once. Text holds no NUL (Postgres refuses it). Lines
count from 1, columns from 0 in bytes of the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from uuid import UUID

DefinitionRow: TypeAlias = tuple[int, int | None, str, str, int, int, int, str, str, bool]
"""(ord, parent_ord, kind, name, line, col, end_line, signature, doc, exported); (content, ord) is unique."""

ReferenceRow: TypeAlias = tuple[str, str, int, int, int | None, int | None, int | None]
"""(kind, name, line, col, enclosing_ord, import_ord, definition_ord)."""


class Files(Protocol):
    """All entries of a commit, however they are kept; gone through twice, in an order that is the same for the same commit."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[File]: ...


ReferenceColumns: TypeAlias = (
    "tuple[Sequence[str], Sequence[str], Sequence[int], Sequence[int], Sequence[int], Sequence[int], Sequence[int]]"
)
"""The fields of one blob's references as columns, as long as each other; -1 stands for none."""


class References(Protocol):
    """Many of them; however they are kept."""

    def __len__(self) -> int: ...

    def columns(self) -> ReferenceColumns:
        """All of them."""


ImportRow: TypeAlias = tuple[int, str, str, str | None, str | None, int]
"""(ord, kind, spec, name, alias, line); (content, ord) is unique."""

DependencyRow: TypeAlias = tuple[str, str | None, str, str]
"""(path, target path or None, spec, kind): kind is internal, external or unresolved; internal ones have a target."""

MAX_PATH_BYTES = 1000
"""Longest display path that the index keeps (Postgres can't index a longer one); git knows no limit."""


class BlobKey(NamedTuple):
    """One file's content and how it is read: `blob_sha` in hex as git prints it."""

    blob_sha: str
    language: str


class Blob(NamedTuple):
    """What was extracted from one blob. `size` in bytes, `status` is ok, syntax_error or too_complex."""

    key: BlobKey
    size: int
    lines: int
    status: str
    definitions: Sequence[DefinitionRow]
    references: References | Sequence[ReferenceRow]
    imports: Sequence[ImportRow]


class Content(NamedTuple):
    """One blob that the index holds. Same `imports_digest`, same imports (whatever their lines)."""

    id: int
    status: str
    lines: int
    imports_digest: bytes


class File(NamedTuple):
    """One entry of a commit. `content_id` is None for what was not extracted; `size` in bytes, None where git has none.

    `path` is `display_path(path_raw)`: unique within the commit, and what dependencies and cycles name.
    """

    path: str
    path_raw: bytes
    status: str
    content_id: int | None = None
    size: int | None = None
    generated: bool = False
    vendored: bool = False
    minified: bool = False


class Cycle(NamedTuple):
    """`size` files that all need each other, directly or not; `paths` is one shortest circle among them."""

    size: int
    paths: list[str]


class Graph(NamedTuple):
    """How the files of a commit hang together.

    `hash` names it: of its own rows, or of all that they are computed from. In the second case one that is known need
    not be computed at all, and `rows` stays None.
    """

    hash: bytes
    rows: tuple[Iterable[DependencyRow], Iterable[Cycle]] | None


class Launch(NamedTuple):
    """Which launch speaks, and what proves it."""

    job_id: UUID
    number: int
    token: str


def columns_of(references: References | Sequence[ReferenceRow]) -> ReferenceColumns:
    """References as columns, which rows are made into."""
    if not isinstance(references, Sequence):
        return references.columns()
    kinds, names, lines, cols, *ords = tuple(zip(*references, strict=True)) or ((),) * 7
    enclosing, imports, definitions = ([-1 if one is None else one for one in column] for column in ords)
    return kinds, names, lines, cols, enclosing, imports, definitions


def display_path(raw: bytes) -> str:
    """A path of git's as text that Postgres can keep, index and compare.

    Nearly always just its UTF-8. What is no UTF-8 or is too long gets replacement characters, is cut, and ends in a
    digest of its bytes, so that two paths never become one.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode(errors="replace")
    else:
        if len(raw) <= MAX_PATH_BYTES:
            return text
    suffix = f"~{sha256(raw).hexdigest()[:16]}"
    return text.encode()[: MAX_PATH_BYTES - len(suffix)].decode(errors="ignore") + suffix


def imports_digest(imports: Iterable[ImportRow]) -> bytes:
    """What a dependency graph can tell of a file: which names of which modules it imports and how, not where."""
    distinct = {(kind, spec, name or "") for _, kind, spec, name, _, _ in imports}
    return sha256("\0".join(part for row in sorted(distinct) for part in row).encode()).digest()[:16]


def manifest_hash(files: Iterable[File]) -> bytes:
    """Which files have which content. Content ids are never used twice."""
    digest = sha256()
    for file in files:
        digest.update(b"%d\0%b\0" % (len(file.path_raw), file.path_raw))
        digest.update(f"{file.status}\0{file.content_id}\0{file.size}\0{flags(file)}\n".encode())
    return digest.digest()


def flags(file: File) -> int:
    """A file's flags as the index keeps them: 1 generated, 2 vendored, 4 minified."""
    return file.generated + 2 * file.vendored + 4 * file.minified
