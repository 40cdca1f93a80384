"""Which definition of the same file a reference most likely means.

By its name in the scopes around it, or as a member of its own class (`self`, `this`, `cls`) or of a type that it names.
Locals are not indexed, so a variable that hides a definition is not seen: likely, not certain. What an import brought is
the commit's to tell, not the file's.
"""

import re
from typing import Final

from indexjob_worker.model import NONE, Definition

TYPES: Final = frozenset({"class", "struct", "interface", "enum", "type"})
"""Whose members are not seen from inside their functions without saying of whom."""
DOT: Final = ord(".")
RECEIVER: Final = re.compile(rb"(?:^|[^\w$.])([A-Za-z_$][\w$]*)\.$")
LONGEST_RECEIVER: Final = 80
OWN: Final = frozenset({b"self", b"this", b"cls"})


def read_scopes(
    data: bytes,
    definitions: list[Definition],
    starts: list[int],
    names: list[str],
    enclosing: list[int],
    imports: list[int],
) -> list[int]:
    """For each reference the definition's place, or `NONE`."""
    meant = [NONE] * len(names)
    if not definitions:
        return meant
    scopes = _Scopes(definitions)
    known = scopes.names
    for number in [number for number, name in enumerate(names) if name in known and imports[number] == NONE]:
        start = starts[number]
        if data[start - 1] != DOT or not start:
            meant[number] = scopes.find(names[number], enclosing[number])
        elif receiver := RECEIVER.search(data, max(0, start - LONGEST_RECEIVER), start):
            meant[number] = scopes.find_member(receiver[1], names[number], enclosing[number])
    return meant


class _Scopes:
    """A file's definitions by where they stand and their name; the first of a name counts."""

    def __init__(self, definitions: list[Definition]) -> None:
        self.names = frozenset(one.name for one in definitions)
        self._parents = [NONE if one.parent_ord is None else one.parent_ord for one in definitions]
        self._kinds = [one.kind for one in definitions]
        self._places: dict[tuple[int, str], int] = {}
        for one, parent in zip(definitions, self._parents, strict=True):
            self._places.setdefault((parent, one.name), one.ord)

    def find(self, name: str, around: int) -> int:
        """Outwards from the definition around it."""
        first = True
        while around != NONE:
            if (first or self._kinds[around] not in TYPES) and (found := self._places.get((around, name))) is not None:
                return found
            around, first = self._parents[around], False
        return self._places.get((NONE, name), NONE)

    def find_member(self, receiver: bytes, name: str, around: int) -> int:
        """In the class around it, or in the type of that name at the top."""
        if receiver in OWN:
            while around != NONE and self._kinds[around] not in TYPES:
                around = self._parents[around]
            return self._places.get((around, name), NONE) if around != NONE else NONE
        owner = self._places.get((NONE, receiver.decode()), NONE)
        return self._places.get((owner, name), NONE) if owner != NONE else NONE
