"""What to tell about a file without hiding it: generated, vendored, minified.

`.gitattributes` have the last word; else the path's usual names, and lines that nobody wrote by hand. All of it is
known without the file's bytes, so that the same commit says the same whether its blobs were read or known already.
"""

import re
from typing import Final

from indexjob_worker.git.objects import Marks
from indexjob_worker.model import FileFlags

MINIFIED_LINE_BYTES: Final = 110
"""Mean length of a line above which a script was written by a program."""
SHORTEST_MINIFIED: Final = 1024
_SCRIPTS: Final = frozenset({"javascript", "typescript", "tsx"})
_VENDORED: Final = re.compile(
    r"(^|/)(vendor|node_modules|bower_components|third_?party|external_libs|site-packages|Godeps)/"
)
_GENERATED: Final = re.compile(
    r"(_pb2(_grpc)?\.pyi?|\.pb(\.\w+)?\.go|(^|/)zz_generated[^/]*|_generated\.\w+|\.generated\.\w+|\.g\.ts|_pb\.[jt]s)$"
)
_MINIFIED: Final = re.compile(r"[.-]min\.[cm]?js$")


def flags(path: str, language: str, size: int, lines: int, marks: Marks) -> FileFlags:
    """The flags of an extracted file. `size` in bytes; `marks` is what the commit itself says."""
    dense = language in _SCRIPTS and size >= SHORTEST_MINIFIED and size > MINIFIED_LINE_BYTES * lines
    return FileFlags(
        generated=_GENERATED.search(path) is not None if marks.generated is None else marks.generated,
        vendored=_VENDORED.search(path) is not None if marks.vendored is None else marks.vendored,
        minified=dense or _MINIFIED.search(path) is not None,
    )
