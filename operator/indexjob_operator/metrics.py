"""What the operator counts and measures, for Prometheus.

Collectors only: whoever does a thing counts it here (`metrics.LAUNCHES.inc()`). What is read from elsewhere at the time of asking (how deep the queue is,
how the pool of connections does) is in `figures.py`. Labels take few values: a tenant or a profile is named by an administrator; an index job never is a
label.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

SECONDS = (0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 4 * 3600, 24 * 3600)
CALL_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

LEADER = Gauge("indexjob_leader", "1 in the process that leads, 0 in a standby.")
LAUNCHES = Counter("indexjob_launches", "Launches that were made.", ["profile"])
REQUEUES = Counter("indexjob_requeues", "Launches that ended with their index job back in line.", ["reason"])
OUTCOMES = Counter("indexjob_outcomes", "Index jobs that ended.", ["state", "reason"])
ATTEMPTS = Counter("indexjob_attempts", "Attempts (pods) that ended.", ["reason"])
DURATIONS = Histogram(
    "indexjob_duration_seconds",
    "How long index jobs took: `queue` from due to claimed, `launch` from claimed to the first pod's start, `run` from there to the last pod's end,"
    " `record` from there to the recorded outcome.",
    ["phase"],
    buckets=SECONDS,
)

SWEPT = Gauge(
    "indexjob_sweep_timestamp_seconds", "When the last sweep ended, in seconds since 1970; 0 before the first one."
)
SWEEP_SECONDS = Histogram("indexjob_sweep_duration_seconds", "How long a sweep took.", buckets=SECONDS)
REPAIRS = Counter("indexjob_sweep_repairs", "What sweeps put right.", ["what"])
STRAYS = Counter("indexjob_strays", "Launches without a row that were taken down.")
PRUNED = Counter("indexjob_pruned", "What retention deleted.", ["what"])
FAILED_RECONCILES = Counter("indexjob_reconcile_errors", "Looks at an index job that failed and are tried again.")

API_CALLS = Counter(
    "indexjob_api_calls", "Calls to the Kubernetes API (watches apart); code 0 is a call without an answer.",
    ["verb", "resource", "code"],
)  # fmt: skip
API_SECONDS = Histogram(
    "indexjob_api_call_duration_seconds",
    "How long calls to the Kubernetes API took.",
    ["verb", "resource"],
    buckets=CALL_SECONDS,
)
WATCH_EVENTS = Counter("indexjob_watch_events", "Events that the watches heard.", ["resource"])
WATCH_RESTARTS = Counter("indexjob_watch_restarts", "Watches that failed and were begun anew.", ["watch"])
