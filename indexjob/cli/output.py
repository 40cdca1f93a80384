"""Answers: to standard output as a table or as JSON; everything else that is said goes to standard error.

What comes from a repository (names, paths, log lines) was written by anybody: control characters never reach the terminal.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import Console
    from rich.table import Table

COLOURS = {
    "queued": "cyan",
    "launching": "yellow",
    "running": "yellow",
    "suspended": "magenta",
    "completed": "green",
    "skipped": "green",
    "failed": "bold red",
    "cancelled": "red",
}
WIDE = 1000
"""Columns where no terminal cuts lines."""
MINUTE, HOUR, DAY = 60, 3600, 86400
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def say(text: str) -> None:
    """Tell the person something that is not the answer."""
    print(clean(text), file=sys.stderr, flush=True)  # noqa: T201


def answer_json(value: Any) -> None:
    """One JSON document; lists as arrays, times as ISO 8601, ids whole."""
    print(json.dumps(plain(value), default=str, indent=2), flush=True)  # noqa: T201


def answer_json_line(value: Any) -> None:
    """One JSON document in a line, of a stream of them."""
    print(json.dumps(plain(value), default=str), flush=True)  # noqa: T201


def plain(value: Any) -> Any:
    """What `json` understands of it."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return value


def answer_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Rows under column names; numbers to the right, a state in its colour, on a terminal as wide as that is."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    filled = [list(row) for row in rows]
    for place, name in enumerate(columns):
        numbers = bool(filled) and all(isinstance(row[place], int | float | None) for row in filled)
        table.add_column(name, justify="right" if numbers else "left", overflow="fold")
    for row in filled:
        table.add_row(*(Text(cell(value), style=COLOURS.get(str(value), "")) for value in row))
    draw(table)


def answer_fields(fields: Mapping[str, object]) -> None:
    """One thing: a name and a value to a line, empty ones left out."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in fields.items():
        if value not in (None, "", {}):
            table.add_row(name, Text(cell(value), style=COLOURS.get(str(value), "")))
    draw(table)


def cell(value: object) -> str:
    """One value for people."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return ago(value)
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, float):
        return f"{value:.2f}"
    return clean(str(value))


def clean(text: str) -> str:
    """The text without what could steer a terminal, or turn the direction of what follows."""
    return CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def ago(moment: datetime) -> str:
    """How long since then, or until then."""
    seconds = (datetime.now(UTC) - moment).total_seconds()
    size = abs(seconds)
    if size < MINUTE:
        span = f"{size:.0f} s"
    elif size < HOUR:
        span = f"{size / MINUTE:.0f} min"
    elif size < 2 * DAY:
        span = f"{size / HOUR:.0f} h"
    else:
        span = f"{size / DAY:.0f} days"
    return f"{span} ago" if seconds >= 0 else f"in {span}"


def draw(table: Table) -> None:
    """Print it; where nobody sees the blanks at the ends of lines, without them."""
    if sys.stdout.isatty():
        console().print(table)
        return
    with console().capture() as drawn:
        console().print(table)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in drawn.get().splitlines()))


@cache
def console() -> Console:
    """Standard output. Where that is no terminal nothing is cut to its width."""
    from rich.console import Console

    return Console(
        width=None if sys.stdout.isatty() else WIDE, highlight=False, markup=False, emoji=False, soft_wrap=False
    )
