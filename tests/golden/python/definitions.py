"""The module's own doc."""

import os
from functools import cached_property
from typing import Final

LIMIT: Final = 3
lower = os.sep
a, b = 1, 2
lower = "again"
type Pair[T] = tuple[T, T]
if os.name == "nt":
    SEP = "\\"
else:
    SEP = "/"
try:
    import tomllib
except ImportError:
    tomllib = None


class Shelf(Base, metaclass=Meta):
    """A shelf.

    With more to say.
    """

    width: int = 3
    _depth = 4

    def __init__(self, width: int) -> None:
        self.width = width

    @property
    def area(self) -> int:
        "Raw."
        local = self.width
        return local

    @staticmethod
    @decorate(1)
    async def load(
        path: str,
        *,
        strict: bool = True,
    ) -> "Shelf":
        def inner(x):
            return x

        return inner(Shelf(path))

    def _hidden(self): ...

    class Inner:
        def deep(self):
            pass


def läuft():
    return "ü"


lambda_ = lambda: läuft()
