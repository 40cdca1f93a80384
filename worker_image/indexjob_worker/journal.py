"""One JSON object a line on stderr, and the last of them kept for the attempt's row.

Each line carries what the run is about (job, repository, attempt, step) and a stable `action` to search for. Scrubbing
happens here, where lines are written, so that nobody upstream can forget it.
"""

import json
import sys
import threading
from collections import deque
from datetime import UTC, datetime
from typing import Literal

from indexjob.scrub import Scrubber

TAIL_BYTES = 16 * 1024
LONGEST_TEXT = 8 * 1024

Field = str | int | float | bool | None
Level = Literal["info", "warning", "error"]


class Journal:
    """Writes lines and remembers the last 16 KB of them."""

    def __init__(self, scrub: Scrubber) -> None:
        self.scrub = scrub
        self._about: dict[str, Field] = {}
        self._tail: deque[str] = deque()
        self._tail_bytes = 0
        self._lock = threading.Lock()

    def about(self, **fields: Field) -> None:
        """Say this on every line from now on."""
        self._about |= fields

    def info(self, action: str, message: str, **fields: Field) -> None:
        """What went as it should."""
        self._write("info", action, message, fields)

    def warning(self, action: str, message: str, **fields: Field) -> None:
        """What went otherwise without ending the run."""
        self._write("warning", action, message, fields)

    def error(self, action: str, message: str, **fields: Field) -> None:
        """What ended the run."""
        self._write("error", action, message, fields)

    def tail(self) -> str:
        """The last lines, whole ones, at most 16 KB."""
        with self._lock:
            return "\n".join(self._tail)

    def _write(self, level: Level, action: str, message: str, fields: dict[str, Field]) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        record: dict[str, Field] = {"time": now, "level": level, "action": action}
        record |= {key: self._clean(value) for key, value in (self._about | fields | {"message": message}).items()}
        line = json.dumps(record, ensure_ascii=False).replace("\0", "")
        with self._lock:
            self._tail.append(line)
            self._tail_bytes += len(line.encode(errors="replace")) + 1
            while self._tail_bytes > TAIL_BYTES and len(self._tail) > 1:
                self._tail_bytes -= len(self._tail.popleft().encode(errors="replace")) + 1
            sys.stderr.write(line.encode(errors="replace").decode() + "\n")
            sys.stderr.flush()

    def _clean(self, value: Field) -> Field:
        if not isinstance(value, str):
            return value
        text = self.scrub(value).encode(errors="replace").decode()
        return text if len(text) <= LONGEST_TEXT else f"… {text[-LONGEST_TEXT:]}"
