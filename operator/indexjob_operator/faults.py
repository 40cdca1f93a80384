"""Named points where a test may hold the dispatcher still: between two steps, where a crash or a lost connection hurts most.

For tests alone. With INDEXJOB_FAULT=<point>,<point>… in its environment the process names a point on stderr and stops itself (SIGSTOP) when it comes
there for the first time; the test then kills it, cuts its connections, or lets it sleep past its lease, and wakes it (SIGCONT). Without the variable a
point is one look into an empty set.
"""

from __future__ import annotations

import os
import signal
import sys

POINTS = (
    "claiming",
    "claimed",
    "launching",
    "launched",
    "marking-running",
    "running",
    "recording-attempt",
    "recording",
    "recorded",
    "released",
    "ending",
    "ending-recorded",
    "requeueing",
    "requeued",
    "taking-down",
    "taken-down",
)
"""Whatever the runtime."""
PROCESS_POINTS = ("workspace-made", "spawned")
"""Of the local runtime."""
KUBERNETES_POINTS = (
    "secret-made",
    "job-made",
    "pods-released",
    "ttl-patched",
    "job-deleted",
    "pods-deleted",
)
"""Of the Kubernetes runtime."""
RESOURCE_POINTS = ("resource-applying", "resource-applied", "resource-gone", "status-writing", "status-written")
"""Of the mirror of IndexJobs."""

_armed = set(filter(None, os.environ.get("INDEXJOB_FAULT", "").split(",")))


def reach(point: str) -> None:
    """The process is at this point."""
    if point in _armed:
        _armed.remove(point)
        sys.stderr.write(f"fault: {point}\n")
        sys.stderr.flush()
        os.kill(os.getpid(), signal.SIGSTOP)
