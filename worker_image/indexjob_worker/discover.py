"""Looks at every entry of a commit and says of each what becomes of it: the first of the statuses, or extraction.

Nothing is opened here. What is left to extract may still turn out to be binary, or a pointer to content elsewhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from indexjob.index import BlobKey, display_path
from indexjob.run_spec import Limits
from indexjob_worker.errors import TooLargeError
from indexjob_worker.git.objects import Entry, Marks, Objects
from indexjob_worker.languages import LANGUAGES, Language
from indexjob_worker.model import FileStatus
from indexjob_worker.selection import Selection

SYMLINK, SUBMODULE = "120000", "160000"
SNIFFED_BYTES: Final = 8 * 1024
LFS_POINTER: Final = b"version https://git-lfs.github.com/spec/"
LARGEST_POINTER: Final = 1024
ATTRIBUTES: Final = b".gitattributes"


class Found(NamedTuple):
    """One entry of the commit. `status` is None for what is to be extracted, which has a `language`."""

    path: str
    path_raw: bytes
    sha: str
    size: int | None
    status: FileStatus | None
    language: str | None = None

    @property
    def key(self) -> BlobKey:
        """Under which its extraction is kept."""
        assert self.language is not None
        return BlobKey(self.sha, self.language)


@dataclass
class Discovered:
    """All of a commit's entries, in git's order, and where else it speaks of them."""

    files: list[Found] = field(default_factory=list)
    has_attributes: bool = False

    def wanted(self) -> Iterator[Found]:
        """Those to extract."""
        return (found for found in self.files if found.status is None)


def discover(objects: Objects, commit: str, selection: Selection, limits: Limits) -> Discovered:
    """Every entry of the commit, each once.

    Raises:
        TooLargeError: too many of them, or too many bytes to extract.
    """
    discovered, total = Discovered(), 0
    for entry in objects.entries(commit, limits.files):
        found = judge(entry, selection, limits)
        discovered.files.append(found)
        discovered.has_attributes |= entry.path.rpartition(b"/")[2] == ATTRIBUTES
        if found.status is None:
            total += found.size or 0
            if total > limits.total_bytes:
                raise TooLargeError(
                    f"The files to index have more than {limits.total_bytes // 2**20} MiB; exclude some, or "
                    "ask the administrator for a profile with a higher limit."
                )
    return discovered


def judge(entry: Entry, selection: Selection, limits: Limits) -> Found:
    """What its mode, path and size say of an entry."""
    path = entry.path.decode(errors="replace")
    language = selection.language_of(path)
    status = _status(entry, path, language, selection, limits)
    return Found(
        display_path(entry.path), entry.path, entry.sha, entry.size, status, language.name if language else None
    )


def _status(
    entry: Entry, path: str, language: Language | None, selection: Selection, limits: Limits
) -> FileStatus | None:
    if entry.mode == SUBMODULE:
        return "submodule"
    if entry.mode == SYMLINK:
        return "symlink"
    if not selection.takes(path):
        return "excluded"
    if language is None:
        return "unsupported"
    if not selection.takes_language(language):
        return "excluded"
    if entry.size is None:
        return "unreadable"
    return "too_large" if entry.size > limits.file_bytes else None


def sniff(source: bytes) -> FileStatus | None:
    """What the bytes say before they are parsed; None if they may be source text."""
    if b"\0" in source[:SNIFFED_BYTES]:
        return "binary"
    if len(source) <= LARGEST_POINTER and source.startswith(LFS_POINTER):
        return "lfs_pointer"
    return None


def language(name: str) -> Language:
    """The language of a found file."""
    return LANGUAGES[name]


def marks(objects: Objects, commit: str, discovered: Discovered) -> dict[bytes, Marks]:
    """What `.gitattributes` say of the files to extract; asked only if the commit has any."""
    if not discovered.has_attributes:
        return {}
    paths = [found.path_raw for found in discovered.wanted()]
    return dict(zip(paths, objects.marks(commit, paths), strict=True))
