"""A launch to build manifests of, and objects as Kubernetes shows them, for the tests beside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from indexjob.run_spec import RunSpec
from indexjob_operator.manifests import Place
from indexjob_operator.profiles import Profile
from indexjob_operator.runtime.protocol import LaunchKey, LaunchRequest
from indexjob_operator.settings import Worker

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ID = UUID(int=1)
INSTANCE = UUID(int=7)
KEY = LaunchKey(ID, 2)
SPEC = RunSpec(
    job_id=ID, launch=2, tenant="team-a", repository="https://git.test/a/b", clone_url="https://git.test/a/b.git", deadline_seconds=3600
)  # fmt: skip
PLACE = Place("runs", INSTANCE, Worker(image="worker.test/indexjob-worker:1"))


def request(profile: Profile | None = None, **more: Any) -> LaunchRequest:
    return LaunchRequest(
        SPEC, 3, profile or Profile(), database_url="postgresql://canary-url", launch_token="canary-token", **more
    )


def at(seconds: float) -> str:
    """So many seconds before now, as the API writes it."""
    return (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def job(*conditions: dict[str, Any], age: float = 60, **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": KEY.name, "uid": "job-uid", "creationTimestamp": at(age), **metadata},
        "spec": {},
        "status": {"conditions": list(conditions)},
    }


def true(kind: str, since: float = 0, **more: Any) -> dict[str, Any]:
    return {"type": kind, "status": "True", "lastTransitionTime": at(since), **more}


def pod(
    phase: str = "Running",
    *,
    clone: dict[str, Any] | None = None,
    index: dict[str, Any] | None = None,
    age: float = 50,
    uid: str = "u1",
    node: str | None = "n1",
    metadata: dict[str, Any] | None = None,
    **status: Any,
) -> dict[str, Any]:
    return {
        "metadata": {"name": f"{KEY.name}-abc", "uid": uid, "creationTimestamp": at(age), **(metadata or {})},
        "spec": {
            "nodeName": node,
            "initContainers": [{"name": "clone", "resources": {"limits": {"memory": "1Gi"}}}],
            "containers": [{"name": "index", "resources": {"limits": {"memory": "2Gi"}}}],
        },
        "status": {
            "phase": phase,
            "initContainerStatuses": [{"name": "clone", "state": clone or {}}],
            "containerStatuses": [{"name": "index", "state": index or {}}],
            **status,
        },
    }


def running(since: float = 40) -> dict[str, Any]:
    return {"running": {"startedAt": at(since)}}


def ended(
    code: int, *, since: float = 40, until: float = 10, reason: str = "Error", message: str = ""
) -> dict[str, Any]:
    return {
        "terminated": {"exitCode": code, "startedAt": at(since), "finishedAt": at(until), "reason": reason, "message": message}
    }  # fmt: skip


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}
