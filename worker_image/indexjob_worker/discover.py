"""Looks at every entry of a commit and says of each what becomes of it: the first of the statuses, or extraction.

Nothing is opened here. What is left to extract may still turn out to be binary, or a pointer to content elsewhere.
"""

from itertools import islice
from typing import Final

from indexjob.index import display_path
from indexjob.run_spec import Limits
from indexjob_worker.catalog import AT_ONCE, NOT_REGULAR, Catalog, Found
from indexjob_worker.errors import TooLargeError
from indexjob_worker.git.objects import Entry, Objects
from indexjob_worker.languages import LANGUAGES, Language
from indexjob_worker.manifests import is_manifest
from indexjob_worker.model import FileStatus
from indexjob_worker.selection import Selection

SYMLINK, SUBMODULE = "120000", "160000"
SNIFFED_BYTES: Final = 8 * 1024
LFS_POINTER: Final = b"version https://git-lfs.github.com/spec/"
LARGEST_POINTER: Final = 1024
LARGEST_MANIFEST: Final = 1024 * 1024
ATTRIBUTES: Final = b".gitattributes"


def discover(objects: Objects, commit: str, selection: Selection, limits: Limits, catalog: Catalog) -> None:
    """Every entry of the commit into the catalog, each once, with what `.gitattributes` say of those to extract.

    Raises:
        TooLargeError: too many of them, or too many bytes to extract.
        CorruptRepositoryError: git cannot read the tree, or it makes no sense.
    """
    total, has_attributes = 0, False
    entries = objects.entries(commit, limits.files)
    while some := list(islice(entries, AT_ONCE)):
        found = [judge(entry, selection, limits) for entry in some]
        catalog.add(found)
        has_attributes = has_attributes or any(entry.path.rpartition(b"/")[2] == ATTRIBUTES for entry in some)
        total += sum(one.size or 0 for one in found if one.status is None)
        if total > limits.total_bytes:
            raise TooLargeError(
                f"The files to index have more than {limits.total_bytes // 2**20} MiB; exclude some, or "
                "ask the administrator for a profile with a higher limit."
            )
    if has_attributes:
        catalog.mark(objects.marks(commit, catalog.wanted_paths()))


def judge(entry: Entry, selection: Selection, limits: Limits) -> Found:
    """What its mode, path and size say of an entry."""
    path = entry.path.decode(errors="replace")
    language = selection.language_of(path)
    status = _status(entry, path, language, selection, limits)
    shown = display_path(entry.path)
    manifest = status not in NOT_REGULAR and (entry.size or 0) <= LARGEST_MANIFEST and is_manifest(shown)
    return Found(shown, entry.path, entry.sha, entry.size, status, language.name if language else None, manifest)


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
