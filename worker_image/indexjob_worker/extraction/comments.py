"""The comment above a definition, as text: its doc in languages that have no strings for it.

Read from the lines above, not from the tree: a file has many more comments than docs, and each captured one costs.
"""

import re
from collections.abc import Mapping
from typing import Final

from indexjob_worker.extraction.source import Source
from indexjob_worker.model import MAX_DOC

MAX_LINES: Final = 200
MAX_LINE_BYTES: Final = 4 * MAX_DOC
"""A longer line was written by a program; it is not looked into."""
MAX_BLOCK_BYTES: Final = 64 * 1024
MAX_NESTED: Final = 8
"""A comment may speak of `src/*`; so often another beginning is looked for."""
OPENING: Final = re.compile(r"/\*+!?[ \t]?")
GUTTER: Final = re.compile(r"^[ \t]*\*(?!/)[ \t]?", re.MULTILINE)
DIRECTIVE: Final = re.compile(
    rb"\s*(?://(?:go:|nolint|export |line |eslint|@ts-|prettier)|/\*\s*(?:eslint|@__|global |jshint))"
)
"""A word to a tool, no doc."""


def comment_above(source: Source, line: int, decorated: Mapping[int, int]) -> str:
    """The text of the comment that ends right above a line, '' if none does. It must have its lines to itself.

    Decorators may stand between; `decorated` holds the first line of each by its last.
    """
    while line - 1 in decorated:
        line = decorated[line - 1]
    parts: list[str] = []
    while line > 1 and len(parts) < MAX_LINES:
        line -= 1
        start, end = source.starts[line - 1], source.starts[line] - 1
        text = source.data[start:end].strip() if end - start <= MAX_LINE_BYTES else b""
        if not text.startswith(b"//"):
            if not parts and text.endswith(b"*/"):
                return _block(source, end)
            break
        if text[2:3] == b" " or not DIRECTIVE.match(text):
            parts.append(_line(source.text(start, end)))
    return "\n".join(reversed(parts)).strip() if parts else ""


def _block(source: Source, end: int) -> str:
    """The comment that ends with this line, if it begins a line."""
    data = source.data
    start = closed = data.rfind(b"*/", 0, end)
    for _ in range(MAX_NESTED):
        start = data.rfind(b"/*", max(0, start - MAX_BLOCK_BYTES), start)
        if start < 0 or data.find(b"*/", start + 2) != closed:
            break
        if not data[data.rfind(b"\n", 0, start) + 1 : start].strip():
            text = source.text(start, min(closed, start + MAX_LINE_BYTES))
            return "" if DIRECTIVE.match(data, start) else _bare(text).strip()
    return ""


def _line(comment: str) -> str:
    text = comment.strip()[2:]
    if text[:1] in {"/", "!"}:
        text = text[1:]
    return text[1:] if text[:1] in {" ", "\t"} else text


def _bare(comment: str) -> str:
    text = OPENING.sub("", comment, count=1)
    return GUTTER.sub("", text) if "\n" in text else text
