"""The comment above a definition, as text: its doc in languages that have no strings for it."""

import re
from collections.abc import Iterable

import tree_sitter

from indexjob_worker.extraction.source import Source

MAX_LINES = 200
OPENING = re.compile(r"^\s*(?:/\*+!?|//[/!]?)[ \t]?")
GUTTER = re.compile(r"^[ \t]*\*(?!/)[ \t]?", re.MULTILINE)
DIRECTIVE = re.compile(rb"//(?:go:|nolint|export |line |eslint|@ts-|prettier)|/\*\s*(?:eslint|@__|global |jshint)")
"""A word to a tool, no doc."""


class Comments:
    """A file's comments by the line on which they end; only those that have their lines to themselves."""

    def __init__(
        self, source: Source, comments: Iterable[tree_sitter.Node], decorators: Iterable[tree_sitter.Node]
    ) -> None:
        self._source = source
        self._ending: dict[int, tuple[int, int]] = {}
        for node in comments:
            self._ending[source.last_line(node.end_byte)] = node.byte_range
        self._decorated = {source.last_line(node.end_byte): source.line(node.start_byte) for node in decorators}

    def above(self, line: int) -> str:
        """The text of the comment that ends right above a line (decorators may stand between), '' if none does."""
        if line - 1 not in self._ending and line - 1 not in self._decorated:
            return ""
        while line - 1 in self._decorated:
            line = self._decorated[line - 1]
        parts: list[str] = []
        while (found := self._ending.get(line - 1)) and len(parts) < MAX_LINES:
            start, end = found
            first = self._source.line(start)
            if self._source.data[self._source.starts[first - 1] : start].strip():
                break  # it belongs to what stands before it
            block = self._source.data.startswith(b"/*", start)
            if block and parts:
                break
            if not DIRECTIVE.match(self._source.data, start):
                parts.append(_bare(self._source.text(start, end)))
            if block:
                break
            line = first
        return "\n".join(reversed(parts)).strip()


def _bare(comment: str) -> str:
    text = OPENING.sub("", comment, count=1).removesuffix("*/")
    return GUTTER.sub("", text).rstrip()
