"""A file's bytes, and how text and places are cut out of them.

tree-sitter's own `.text` and `.start_point` cost several times a slice and a bisection, and every reference needs both.
"""

from bisect import bisect_right
from itertools import accumulate

from indexjob_worker.model import MAX_NAME


class Source:
    """Bytes with their line starts. Text comes out as valid Unicode without NUL, whatever the bytes are."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        lengths = [len(line) + 1 for line in data.split(b"\n")]
        self.starts = [0, *accumulate(lengths)]
        """The byte at which each line begins, and one behind the end."""
        self.lines = len(lengths) - (not data or data.endswith(b"\n"))
        self.ascii = data.decode("ascii") if data.isascii() and b"\0" not in data else None
        """The whole as text, if that has a character for each byte."""

    def text(self, start: int, end: int) -> str:
        """What stands there."""
        if self.ascii is not None:
            return self.ascii[start:end]
        return self.data[start:end].decode("utf-8", "replace").replace("\0", "\ufffd")

    def name(self, start: int, end: int) -> str:
        """A name, at most MAX_NAME characters of it, without quotes around it."""
        text = self.text(start, min(end, start + 4 * MAX_NAME))[:MAX_NAME]
        return text[1:-1] if text[:1] in {'"', "'"} and len(text) > 2 and text[-1] == text[0] else text  # noqa: PLR2004

    def line(self, at: int) -> int:
        """The line of a byte, from 1."""
        return min(bisect_right(self.starts, at), self.lines)

    def last_line(self, end: int) -> int:
        """The line of the last byte before `end`, from 1."""
        return min(bisect_right(self.starts, end - 1 if end else 0), self.lines)
