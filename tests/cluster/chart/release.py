"""One installation of the chart, by Helm's own engine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helm_python import Config

from tests.cluster import rights
from tests.cluster.machine import builders
from tests.cluster.namespace import Manifest, Namespace
from tests.cluster.rights import Watched

CHART = rights.CHART
NAME = rights.RELEASE
OPERATOR = f"deployment/{NAME}-operator"
OPERATOR_PODS = "app.kubernetes.io/component=operator"


def merged(*values: Manifest) -> Manifest:
    """Later ones win, key by key, as Helm has it."""
    result: Manifest = {}
    for one in values:
        for key, value in one.items():
            both = isinstance(value, dict) and isinstance(result.get(key), dict)
            result[key] = merged(result[key], value) if both else value
    return result


@dataclass(slots=True)
class Release:
    """In a namespace of its own, with values that all of its installations share. As long as it is installed, no right is lacking."""

    space: Namespace
    helm: Config
    values: Manifest
    watched: Watched
    there: bool = False

    def install(self, *values: Manifest, chart: Path = CHART) -> str:
        """What Helm said after it."""
        self.watched.forget()
        self.there = True
        return str(self.helm.install(chart, NAME, merged(self.values, *values))["notes"])

    def upgrade(self, *values: Manifest, chart: Path = CHART) -> str:
        return str(self.helm.upgrade(chart, NAME, merged(self.values, *values))["notes"])

    def rollback(self) -> None:
        self.helm.rollback(NAME)

    def uninstall(self) -> None:
        self.look()
        self.there = False  # its pods are at work for some moments after their Roles have gone
        self.helm.uninstall(NAME)

    def look(self) -> None:
        """At what its operators asked for."""
        if self.there:
            self.watched.look()

    def wait_until_ready(self, seconds: float = 400) -> None:
        """All operators of the newest revision are, and none of an older one is left."""
        done = self.space.cluster.holds("-n", self.space.name, "rollout", "status", OPERATOR, f"--timeout={seconds}s")
        assert done, self.story()

    def migration_log(self) -> str:
        return self.space("logs", "-l", OPERATOR_PODS, "-c", "migrate", "--tail=-1", "--ignore-errors")

    def log(self) -> str:
        return self.space("logs", "-l", OPERATOR_PODS, "-c", "operator", "--tail=-1", "--ignore-errors")

    def story(self) -> str:
        """For the message of a test that failed."""
        looks = (
            ("get", "all,events", "-o", "wide"),
            ("logs", "-l", OPERATOR_PODS, "--all-containers", "--tail=60", "--prefix", "--ignore-errors"),
        )
        return "\n".join(self.space(*look) for look in looks)


def small(space: Namespace) -> Manifest:
    """Values that suit a small machine and a test: short waits, little memory, the images that were brought to the cluster."""
    little: dict[str, Any] = {
        "requests": {"cpu": "20m", "memory": "64Mi", "ephemeral-storage": "10Mi"},
        "limits": {"memory": "512Mi", "ephemeral-storage": "1Gi"},
    }
    return {
        "operator": {"image": builders.tag("operator"), "resources": little},
        "worker": {"image": builders.tag("worker")},
        "crds": {"install": False},
        "watchNamespaces": [space.name],
        "tenants": {space.name: "default"},
        "queue": {"sweepSeconds": 2, "leaseSeconds": 5},
        "patience": {"noPodSeconds": 2, "refusedAgainSeconds": 3, "deadNodeSeconds": 5, "straySeconds": 5},
        "profiles": {"default": {"resources": little, "workspace": {"size": "200Mi"}, "ttlSecondsAfterFinished": 0}},
    }
