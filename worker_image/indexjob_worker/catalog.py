"""What a run knows of a commit: its files, their contents and dependencies, as tables in the workspace instead of in memory.

A commit may have a million files; of them memory holds a batch. The tables are SQLite's, in one transaction that never ends: those of a small commit never
leave its cache, so no byte is written for them. They are the worker's alone, and gone with it: nothing in them has to outlive a crash.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from indexjob.index import BlobKey, Content, DependencyRow
from indexjob_worker.errors import CorruptRepositoryError
from indexjob_worker.git.objects import Marks
from indexjob_worker.model import FileStatus

AT_ONCE: Final = 500
"""Rows that are in memory together."""
CACHE_KIB: Final = 1024
FILTER_BITS: Final = 1 << 23
"""One MiB: of a million files' paths a seventh of those that are not there pass."""
NUMBERS_KEPT: Final = 2_000
"""Of files that are imported: mostly the same ones soon again."""
NOT_REGULAR: Final = frozenset({"symlink", "submodule"})

SCHEMA: Final = f"""
PRAGMA journal_mode = MEMORY;
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA synchronous = OFF;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -{CACHE_KIB};
BEGIN;
CREATE TABLE content (
    id INTEGER PRIMARY KEY, sha TEXT NOT NULL, language TEXT NOT NULL, stored INTEGER, status TEXT, lines INTEGER, imports_digest BLOB,
    UNIQUE (sha, language)
);
CREATE TABLE file (
    id INTEGER PRIMARY KEY, directory TEXT NOT NULL, name TEXT NOT NULL, raw BLOB, size INTEGER, status TEXT, content INTEGER, UNIQUE (directory, name)
);
CREATE TABLE mark (file INTEGER PRIMARY KEY, generated INTEGER, vendored INTEGER);
CREATE TABLE manifest (file INTEGER PRIMARY KEY, sha TEXT NOT NULL, data BLOB);
CREATE TABLE dependency (src INTEGER NOT NULL, dst INTEGER, spec TEXT NOT NULL, kind TEXT NOT NULL);
"""
ADD_CONTENT: Final = "INSERT OR IGNORE INTO content (sha, language) VALUES (?, ?)"
ADD_FILE: Final = "INSERT INTO file VALUES (?, ?, ?, ?, ?, ?, (SELECT id FROM content WHERE sha = ? AND language = ?))"
KEEP: Final = "UPDATE content SET stored = ?, status = ?, lines = ?, imports_digest = ? WHERE sha = ? AND language = ?"
UNKNOWN: Final = "FROM content WHERE stored IS NULL AND status IS NULL"
FILES: Final = """
SELECT f.directory || f.name, f.raw, f.size, coalesce(f.status, c.status), c.stored, c.lines, c.language, m.generated, m.vendored
FROM file f LEFT JOIN content c ON c.id = f.content LEFT JOIN mark m ON m.file = f.id ORDER BY f.id
"""
RESOLVED_FROM: Final = """
SELECT f.directory || f.name, c.language, c.imports_digest, m.sha
FROM file f LEFT JOIN content c ON c.id = f.content AND c.stored IS NOT NULL LEFT JOIN manifest m ON m.file = f.id
WHERE f.status IS NULL OR f.status NOT IN ('symlink', 'submodule') ORDER BY f.id
"""
EXTRACTED: Final = """
SELECT f.directory || f.name, c.language, c.stored FROM file f CROSS JOIN content c ON c.id = f.content WHERE c.stored IS NOT NULL ORDER BY f.id
"""
REGULAR: Final = """
SELECT directory || name FROM file WHERE status IS NULL OR status NOT IN ('symlink', 'submodule') ORDER BY id
"""
DEPENDENCIES: Final = """
SELECT s.directory || s.name, t.directory || t.name, d.spec, d.kind
FROM dependency d LEFT JOIN file s ON s.id = d.src LEFT JOIN file t ON t.id = d.dst ORDER BY d.rowid
"""


class Found(NamedTuple):
    """One entry of the commit. `status` is None for what is to be extracted, which has a `language`."""

    path: str
    path_raw: bytes
    sha: str
    size: int | None
    status: FileStatus | None
    language: str | None = None
    is_manifest: bool = False


class Known(NamedTuple):
    """All that is known of one entry in the end; `content_id`, `lines` and `language` only where it was extracted."""

    path: str
    path_raw: bytes
    size: int | None
    status: str
    content_id: int | None
    lines: int
    language: str
    marks: Marks


class Catalog:
    """The tables of one run. For one thread."""

    def __init__(self, place: Path | None) -> None:
        """`place` is where they go when memory is not for them; None keeps them in memory."""
        self._db = sqlite3.connect(place or ":memory:", isolation_level=None)
        self._db.executescript(SCHEMA)
        self.files = 0
        self.wanted = 0
        """Files to extract; several may have the same content."""

    def close(self) -> None:
        """Its file is the workspace's to remove."""
        self._db.close()

    def add(self, found: list[Found]) -> None:
        """Note these entries, in git's order.

        Raises:
            CorruptRepositoryError: one of them is there already.
        """
        wanted = [(one.sha, one.language) for one in found if one.status is None]
        first = self.files + 1
        self._db.executemany(ADD_CONTENT, wanted)
        try:
            self._db.executemany(ADD_FILE, (_row(number, one) for number, one in enumerate(found, first)))
        except sqlite3.IntegrityError:
            raise CorruptRepositoryError(
                "The commit's tree names a path twice; run `git fsck` on the repository."
            ) from None
        manifests = ((number, one.sha) for number, one in enumerate(found, first) if one.is_manifest)
        self._db.executemany("INSERT INTO manifest (file, sha) VALUES (?, ?)", manifests)
        self.files += len(found)
        self.wanted += len(wanted)

    def wanted_paths(self) -> Iterator[tuple[int, bytes]]:
        """Of the files to extract: their numbers, and their paths as git has them."""
        query = "SELECT id, coalesce(raw, CAST(directory || name AS BLOB)) FROM file WHERE status IS NULL ORDER BY id"
        yield from self._db.execute(query)

    def mark(self, marks: Iterable[tuple[int, Marks]]) -> None:
        """Note what `.gitattributes` say of files; of most they say nothing."""
        said = ((number, one.generated, one.vendored) for number, one in marks if one != Marks())
        self._db.executemany("INSERT INTO mark VALUES (?, ?, ?)", said)

    def unknown(self) -> Iterator[list[BlobKey]]:
        """The contents of which nothing is known yet, each once, in the order of the files, some at a time."""
        for rows in self._some(f"SELECT id, sha, language {UNKNOWN}"):
            yield [BlobKey(sha, language) for _, sha, language in rows]

    def count_unknown(self) -> dict[str, int]:
        """How many, by language."""
        return dict(self._db.execute(f"SELECT language, count(*) {UNKNOWN} GROUP BY language"))

    def keep(self, contents: Mapping[BlobKey, Content]) -> None:
        """These are in the index."""
        self._db.executemany(KEEP, ((*content, *key) for key, content in contents.items()))

    def lose(self, key: BlobKey, status: FileStatus) -> None:
        """This gave no extraction."""
        self._db.execute("UPDATE content SET status = ? WHERE sha = ? AND language = ?", (status, *key))

    def __len__(self) -> int:
        return self.files

    def __iter__(self) -> Iterator[Known]:
        """All entries, in git's order."""
        for path, raw, size, status, content_id, lines, language, *marks in self._db.execute(FILES):
            told = Marks(*(None if mark is None else bool(mark) for mark in marks))
            yield Known(
                path, path.encode() if raw is None else raw, size, status, content_id, lines or 0, language or "", told
            )

    def resolved_from(self) -> Iterator[tuple[str, str | None, bytes | None, str | None]]:
        """What dependencies come from: of each regular file its path, its language and imports if it was extracted, its object id if it is a manifest."""
        yield from self._db.execute(RESOLVED_FROM)

    def extracted(self) -> Iterator[tuple[str, str, int]]:
        """Path, language and content id of each file that was extracted."""
        yield from self._db.execute(EXTRACTED)

    def unread_manifests(self) -> Iterator[tuple[int, str]]:
        """Their files' numbers, and their object ids."""
        for rows in self._some("SELECT file AS id, sha FROM manifest WHERE data IS NULL", "file"):
            yield from rows

    def read(self, number: int, data: bytes) -> None:
        """Note what is in a manifest."""
        self._db.execute("UPDATE manifest SET data = ? WHERE file = ?", (data, number))

    def paths(self) -> "Paths":
        """All paths of regular files, as they are now."""
        return Paths(self._db)

    def manifests(self) -> "Manifests":
        """What was read of them."""
        return Manifests(self._db)

    def path(self, number: int) -> str:
        """Of the file with this number."""
        found: str = self._db.execute("SELECT directory || name FROM file WHERE id = ?", (number,)).fetchone()[0]
        return found

    def need(self, rows: Iterable[tuple[int, int | None, str, str]]) -> None:
        """Note dependencies: numbers of files, spec and kind."""
        self._db.executemany("INSERT INTO dependency VALUES (?, ?, ?, ?)", rows)

    def dependencies(self) -> Iterator[DependencyRow]:
        """In the order in which they were noted."""
        yield from self._db.execute(DEPENDENCIES)

    def _some(self, query: str, key: str = "id") -> Iterator[list[Any]]:
        """Rows in pieces, because what has been read may be changed meanwhile."""
        last = 0
        paged = f"{query} AND {key} > ? ORDER BY {key} LIMIT {AT_ONCE}"
        while rows := self._db.execute(paged, (last,)).fetchall():
            yield rows
            last = rows[-1][0]


class Paths:
    """The paths of a commit's regular files.

    Most that are asked for are not there: a bit for the hash of each that is, and of each directory with its slash, tells so without asking the table.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._bits = bytearray(FILTER_BITS >> 3)
        self.number = lru_cache(NUMBERS_KEPT)(self._number)
        last = ""
        for path in self:
            self._note(path)
            directory = path[: path.rfind("/") + 1]
            if directory != last:
                last = directory
                while directory:
                    self._note(directory)
                    directory = directory[: directory.rfind("/", 0, -1) + 1]

    def _note(self, path: str) -> None:
        place = hash(path) % FILTER_BITS
        self._bits[place >> 3] |= 1 << (place & 7)

    def __iter__(self) -> Iterator[str]:
        """In git's order."""
        for (path,) in self._db.execute(REGULAR):
            yield path

    def __contains__(self, path: object) -> bool:
        place = hash(path) % FILTER_BITS
        return (
            bool(self._bits[place >> 3] & 1 << (place & 7)) and isinstance(path, str) and self.number(path) is not None
        )

    def may_be_directory(self, path: str) -> bool:
        """False: no file is below it. True may be wrong."""
        place = hash(f"{path}/") % FILTER_BITS
        return bool(self._bits[place >> 3] & 1 << (place & 7))

    def _number(self, path: str) -> int | None:
        """Its place in git's order, from 1; None if there is no such file."""
        query = "SELECT id, status FROM file WHERE directory = ? AND name = ?"
        try:
            row = self._db.execute(query, _parts(path)).fetchone()
        except UnicodeEncodeError:  # half a surrogate pair, out of somebody's JSON
            return None
        return None if row is None or row[1] in NOT_REGULAR else int(row[0])

    def in_directory(self, directory: str) -> list[str]:
        """Those right in it ('' is the top), sorted."""
        before = f"{directory}/" if directory else ""
        rows = self._db.execute("SELECT name, status FROM file WHERE directory = ? ORDER BY name", (before,))
        return [before + name for name, status in rows if status not in NOT_REGULAR]


class Manifests(Mapping[str, bytes]):
    """The bytes of a commit's manifests by path, in git's order."""

    _FROM: Final = "FROM manifest m CROSS JOIN file f ON f.id = m.file WHERE m.data IS NOT NULL"

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __len__(self) -> int:
        return int(self._db.execute(f"SELECT count(*) {self._FROM}").fetchone()[0])

    def __iter__(self) -> Iterator[str]:
        for (path,) in self._db.execute(f"SELECT f.directory || f.name {self._FROM} ORDER BY m.file"):
            yield path

    def __getitem__(self, path: str) -> bytes:
        query = (
            "SELECT m.data FROM file f CROSS JOIN manifest m ON m.file = f.id WHERE f.directory = ? AND f.name = ?"
            " AND m.data IS NOT NULL"
        )
        try:
            row = self._db.execute(query, _parts(path)).fetchone()
        except UnicodeEncodeError:
            row = None
        if row is None:
            raise KeyError(path)
        data: bytes = row[0]
        return data


def _row(number: int, found: Found) -> tuple[Any, ...]:
    raw = None if found.path.encode() == found.path_raw else found.path_raw
    key = (found.sha, found.language) if found.status is None else (None, None)
    return (number, *_parts(found.path), raw, found.size, found.status, *key)


def _parts(path: str) -> tuple[str, str]:
    """A directory with its slash, and a name in it."""
    end = path.rfind("/") + 1
    return path[:end], path[end:]
