"""A row as the queue would show it, for tests of what is made of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from indexjob.queue.resources import ResourceRow

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
ID = UUID(int=1)


def row(state: str = "queued", **more: Any) -> ResourceRow:
    """In this state, and otherwise plausible."""
    finished = state in ("completed", "failed", "cancelled", "skipped")
    launched = state in ("launching", "running") or (finished and state != "cancelled")
    known: dict[str, Any] = {
        "id": ID, "uid": "u", "token": "", "state": state, "line": "ready" if state == "queued" else None, "gave_way_to": None,
        "reason": None, "message": None, "commit": None, "launch": int(launched), "run_after": NOW, "job_name": f"{ID}-1" if launched else None,
        "namespace": "runs" if launched else None, "step": "parse" if state == "running" else None, "progress": 100 if state == "completed" else 0,
        "attempts": int(launched), "log_tail": None, "stats": None, "created_at": NOW, "updated_at": NOW, "heartbeat_at": None,
        "started_at": NOW if state == "running" or (finished and launched) else None, "finished_at": NOW if finished else None,
    }  # fmt: skip
    if finished:
        known["reason"] = {
            "completed": "Completed",
            "skipped": "Unchanged",
            "failed": "PermanentError",
            "cancelled": "Cancelled",
        }[state]
        known["message"] = "Because." if state in ("failed", "cancelled") else None
        known["commit"] = "0123456789abcdef" if state in ("completed", "skipped") else None
    return ResourceRow(**{**known, **more})
