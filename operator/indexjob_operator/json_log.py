"""The operator's log: one JSON object a line, with a stable `action` and, where it is about an index job, its id.

Whatever is logged by whichever library passes here, so this is where secrets are taken out: passwords in URLs, and the very values that the process was given.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from psycopg import Error, conninfo

from indexjob.scrub import Scrubber

if TYPE_CHECKING:
    from types import TracebackType

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
QUIET = {
    "kopf": logging.WARNING,
    "kopf._core.reactor.running": logging.ERROR,  # it warns that signals are not its own
    "aiohttp.access": logging.WARNING,
    "psycopg.pool": logging.ERROR,  # whoever asked for a connection says that there is none
    "kubernetes": logging.WARNING,
}

scrub = Scrubber()


def conceal(*database_urls: str | None) -> None:
    """From now on these, and the passwords in them, are in no line."""
    for url in filter(None, database_urls):
        scrub.learn(url)
        with suppress(Error):
            scrub.learn(str(conninfo.conninfo_to_dict(url).get("password") or ""))


class JsonFormatter(logging.Formatter):
    """What was logged, with all that was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "action": getattr(record, "action", record.name),
            "message": scrub(record.getMessage()),
        }
        extra = {name: value for name, value in vars(record).items() if name not in STANDARD and name != "action"}
        line |= {name: scrub(value) if isinstance(value, str) else value for name, value in extra.items()}
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            line["traceback"] = scrub(told(record.exc_info))
        return json.dumps(line, default=lambda value: scrub(str(value)), ensure_ascii=False)


class TextFormatter(logging.Formatter):
    """For people at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and a traceback where there is one."""
        job = f"{str(job)[:8]}  " if (job := getattr(record, "job", None)) else ""
        when = datetime.fromtimestamp(record.created, UTC).astimezone()
        line = f"{when:%H:%M:%S}  {record.levelname.lower():<7}  {job}{record.getMessage()}"
        return scrub(f"{line}\n{told(record.exc_info)}" if record.exc_info and record.exc_info[0] else line)


Raised = tuple[type[BaseException], BaseException, "TracebackType | None"] | tuple[None, None, None]


def told(raised: Raised) -> str:
    """The traceback."""
    return "".join(traceback.format_exception(*raised)).rstrip()


def begin(level: str, *, text: bool = False) -> None:
    """Log to standard error from here on, this process's own matters from `level` up."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TextFormatter() if text else JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(max(least, logging.getLogger().level))
