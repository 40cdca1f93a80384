"""Documentation strings inside definitions, without their quotes and their indentation."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Final

import tree_sitter

from indexjob_worker.extraction.source import Source
from indexjob_worker.model import MAX_DOC

STRING: Final = re.compile(r"[a-zA-Z]{0,2}('''|\"\"\"|'|\")(.*)\1$", re.DOTALL)
MARGIN: Final = re.compile(r"\n( *)(?=[^\s])")


def read_docs(source: Source, starts: Sequence[int], docs: Iterable[tree_sitter.Node]) -> dict[int, str]:
    """By which of the definitions (given by where they start) says it: the last that starts before it."""
    found: dict[int, str] = {}
    for start, end in sorted({node.byte_range for node in docs}):
        at = bisect_right(starts, start) - 1
        if at >= 0 and at not in found:
            text = source.text(start, min(end, start + 8 * MAX_DOC))
            quoted = STRING.match(text)
            found[at] = dedented(quoted[2] if quoted else text.lstrip("\"'rRuU"))
    return found


def dedented(text: str) -> str:
    """As `inspect.cleandoc` has it, at a fraction of its cost."""
    if "\n" not in text:
        return text.strip()
    if "\t" in text:
        text = text.expandtabs()
    margin = min(map(len, MARGIN.findall(text)), default=0)
    if margin:
        text = text.replace("\n" + " " * margin, "\n")
    return text.strip()
