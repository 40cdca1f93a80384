"""The languages that the worker reads, and which of them a path is written in."""

from types import MappingProxyType
from typing import Final

from indexjob_worker.languages.declaration import Language
from indexjob_worker.languages.ecmascript import JAVASCRIPT, TSX, TYPESCRIPT
from indexjob_worker.languages.go import GO
from indexjob_worker.languages.python import PYTHON

LANGUAGES: Final = MappingProxyType({one.name: one for one in (PYTHON, TYPESCRIPT, TSX, JAVASCRIPT, GO)})
"""By name, as the queue's `options.languages` and the index call them."""

_BY_EXTENSION: Final = {extension: one for one in LANGUAGES.values() for extension in one.extensions}
_BY_FILENAME: Final = {filename: one for one in LANGUAGES.values() for filename in one.filenames}

__all__ = ["LANGUAGES", "Language", "language_of"]


def language_of(path: str) -> Language | None:
    """The language that a path's name says, None if it is none of ours. The case of the extension doesn't matter."""
    name = path.rpartition("/")[2]
    stem, dot, extension = name.rpartition(".")
    return _BY_FILENAME.get(name) or (_BY_EXTENSION.get(dot + extension.lower()) if stem else None)
