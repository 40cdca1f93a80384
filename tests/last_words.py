"""pytest's plugin that says an error of pytest itself once more when all has ended: what test processes print while they go would bury it."""

from __future__ import annotations

import atexit
import sys

MOST_CHARACTERS = 2000


def pytest_internalerror(excrepr: object) -> None:
    atexit.register(print, f"\npytest itself failed:\n{str(excrepr)[-MOST_CHARACTERS:]}", file=sys.stderr)
