"""The operator's Roles hold what it does and nothing else, by the API server's own log."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg
import pytest

from tests.cluster.audit import Audit
from tests.cluster.chart.installed import Installed
from tests.cluster.chart.release import OPERATOR
from tests.cluster.namespace import Manifest

Right = tuple[str, str]
OF_CHANCE = {
    ("indexjobs", "get")
}  # a resource that was heard of is read, unless the first sweep of a term has listed it before


def granted(installed: Installed) -> set[Right]:
    """By the Roles of its namespace, which is all that there are."""
    space = installed.release.space
    wide = json.loads(space.cluster("get", "clusterrolebindings", "-o", "json"))["items"]
    assert not [one for one in wide if one["metadata"]["name"].startswith(f"{space.name}:")]
    return {
        (resource, verb)
        for role in space.list("roles", "app.kubernetes.io/part-of=indexjob")
        for rule in role["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def used(installed: Installed, audit: Audit) -> Iterator[tuple[Right, int]]:
    """What its service account asked for, and HTTP's answer."""
    user = f"system:serviceaccount:{installed.release.space.name}:indexjob-operator"
    for event in audit.events():
        about = event.get("objectRef", {})
        if event["user"]["username"] == user and "resource" in about:
            resource = "/".join(filter(None, [about["resource"], about.get("subresource")]))
            yield (resource, event["verb"]), event["responseStatus"]["code"]


def profiles() -> Manifest:
    little: Manifest = {
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
        "ttlSecondsAfterFinished": 0,
    }
    volume = {"workspace": {"size": "1Gi", "storageClassName": "indexjob-test"}}
    nowhere = {"nodeSelector": {"there.is": "none"}, "waitingSeconds": 3}
    return {"profiles": {"volume": little | volume, "nowhere": little | nowhere}}


@pytest.mark.timeout(600)
def test_what_is_granted_is_used_and_what_is_used_is_granted(installed: Installed, audit: Audit) -> None:
    """A day in short: a resource, a volume, what can't be scheduled, what fails, what is cancelled, and a new leader."""
    release = installed.release
    release.upgrade(*installed.values, profiles())
    release.wait_until_ready()
    name = installed.apply_example(installed.repository("resource"))
    volume = installed.enqueue(installed.repository("volume"), profile="volume")
    nowhere = installed.enqueue(installed.repository("nowhere"), profile="nowhere", backoff_limit=0)
    fails = installed.enqueue(installed.repository("fails"), revision="no-such-branch")
    cancelled = installed.enqueue(installed.repository("cancelled", files=200))
    installed.wait_for(cancelled, "running", "completed")
    with psycopg.connect(installed.database.logins["producer"], autocommit=True) as producer:
        producer.execute("SELECT indexjob.cancel(%s)", (cancelled,))
    release.space.wait(f"indexjob/{name}", until="condition=Complete", seconds=180)
    assert installed.wait_for(volume, "completed", "failed")["state"] == "completed"
    assert installed.wait_for(nowhere, "completed", "failed")["reason"] == "Unschedulable"
    assert installed.wait_for(fails, "completed", "failed")["state"] == "failed"
    release.space("rollout", "restart", OPERATOR)
    release.wait_until_ready()
    seen = list(used(installed, audit))
    assert [right for right, code in seen if code == 403] == []
    asked = {right for right, _ in seen}
    assert asked - granted(installed) == set()
    assert granted(installed) - asked <= OF_CHANCE
