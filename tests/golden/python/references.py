from __future__ import annotations

import importlib
import os.path
import os.path as osp, sys
from . import sibling
from .. import cousin as c
from .pkg.mod import one, two as zwei
from star import *
from typing import TYPE_CHECKING, Optional
import typing as t

if TYPE_CHECKING:
    from slow import Thing

one(zwei.x, sys.argv[0])
os.path.join("a").upper()
osp.join()
self.os.path
plugin = importlib.import_module("plug.in")


@zwei.register
@one
def f(a: int | None, b: Optional[Thing], c: dict[str, t.List[c.Type]] = {}) -> Thing:
    try:
        return sibling.g(a.b.c)[0].d(key=one)
    except (ValueError, OSError) as error:
        raise one.Error() from error
