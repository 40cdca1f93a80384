"""The states of an index job, as a choice on the command line."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """As in docs/state-machine.md."""

    QUEUED = "queued"
    LAUNCHING = "launching"
    RUNNING = "running"
    SUSPENDED = "suspended"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
