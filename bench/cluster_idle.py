"""How often an operator calls the API while nothing happens: by the API server's audit log, and by the operator's own count, watches apart.

There are IndexJobs, all of them suspended; the settings are what an operator has that nobody sets.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench.figures import Figure, at_most
from bench.on_cluster import SERVED, ground, shown
from bench.server import Server
from tests.cluster.audit import Audit
from tests.cluster.operator.world import Operator

SUBJECT = "cluster_idle"
INDEX_JOBS = 20
SECONDS = 3 * SERVED["sweepSeconds"]
AGENT = "indexjob-operator"


def measure(_: Server) -> Iterator[Figure]:
    """Calls a second."""
    with ground() as place:
        world = place.world
        operator = place.operate(("true",), credentialNamespaces=[world.space.name])
        for number in range(INDEX_JOBS):
            world.apply(f"idle-{number}", f"idle-{number}", suspend=True)
        names = [f"idle-{number}" for number in range(INDEX_JOBS)]
        world.wait(lambda: all(world.resource(name).get("state") == "suspended" for name in names), "all are shown")
        time.sleep(5)
        audit = Audit(place.cluster.audit_log) if place.cluster.audit_log else None
        before, began = _calls(operator), time.monotonic()
        time.sleep(SECONDS)
        seconds, calls = time.monotonic() - began, _calls(operator) - before
        note = f"{INDEX_JOBS} IndexJobs, {seconds:.0f} s"
        yield Figure(
            SUBJECT, "API calls of an idle operator, by its own count", calls / seconds, "/s", at_most(1), note
        )
        if audit:
            events = [event for event in audit.events(namespace=world.space.name) if _is_operators(event)]
            yield Figure(
                SUBJECT, "API calls of an idle operator, by the audit log", len(events) / seconds, "/s", at_most(1)
            )


def _calls(operator: Operator) -> float:
    return sum(value for (name, *_), value in shown(operator).items() if name == "indexjob_api_calls_total")


def _is_operators(event: dict[str, object]) -> bool:
    agent = str(event.get("userAgent", ""))
    return agent.startswith(AGENT) or "kopf" in agent
