"""Reads the objects of a list out of its text while that is still coming.

A list of a thousand pods is ten megabytes of text and fifty of Python's objects, of which some twenty kilobytes are wanted at a time. A pure function of
what it was fed.
"""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Manifest: TypeAlias = dict[str, Any]

ITEMS = '"items":['
"""As the API server writes it, which puts no blanks between; a list that is written otherwise is read when all of it is there."""


class ListReader:
    """Of one list: `read` its parts in turn, then `end`."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._raw_decode = json.JSONDecoder().raw_decode
        self._before = ""
        self._text = ""

    def read(self, part: bytes) -> list[Manifest]:
        """The objects that this part has made whole."""
        self._text += self._decode(part)
        if not self._before:
            before, items, after = self._text.partition(ITEMS)
            if not items:
                return []
            self._before, self._text = before + items, after
        return list(self._whole())

    def end(self) -> Manifest:
        """The list itself, with those objects that were not given before.

        Raises:
            ValueError: it is no JSON, or broke off.
        """
        found: Manifest = json.loads(self._before + self._text + self._decode(b"", final=True))
        return found

    def _whole(self) -> Iterator[Manifest]:
        text, at = self._text, 0
        while True:
            try:
                item, at = self._raw_decode(text, at + text.startswith(",", at))
            except ValueError:  # no more of them, or not yet all of it
                break
            yield item
        self._text = text[at:]
