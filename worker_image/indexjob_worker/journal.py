"""One JSON object a line on stderr, and the last of them kept for the attempt's row.

Each line carries what the run is about (job, repository, attempt, step) and a stable `action` to search for. Scrubbing
happens here, where lines are written, so that nobody upstream can forget it; what libraries log comes this way, too.
"""

import json
import logging
import sys
import threading
import traceback
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

    def hear_libraries(self) -> None:
        """Take what libraries log, and what ends a thread, as lines of this journal: they know neither secrets nor JSON."""
        logging.basicConfig(level=logging.WARNING, handlers=[_Libraries(self)], force=True)
        threading.excepthook = lambda ended: self.error(
            "thread_ended", "A thread of the worker ended by a bug", traceback=_told(ended.exc_value)
        )

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


class _Libraries(logging.Handler):
    """Passes records on to a journal."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal

    def emit(self, record: logging.LogRecord) -> None:
        write = self._journal.warning if record.levelno < logging.ERROR else self._journal.error
        fields = {"traceback": _told(record.exc_info[1])} if record.exc_info else {}
        write(record.name, record.getMessage(), **fields)


def _told(error: BaseException | None) -> str:
    return "".join(traceback.format_exception(error)) if error else ""
