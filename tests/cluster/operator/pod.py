"""The operator as a pod of its image, with the service account that is there already: the least that runs, where the chart gives all."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from tests.cluster import rights
from tests.cluster.machine import builders
from tests.cluster.manifests import SECURITY
from tests.cluster.namespace import Manifest

NAME = rights.ACCOUNT
PORT = 8080


def manifests(namespace: str, settings: Manifest, urls: Mapping[str, str], *, replicas: int = 1) -> list[Manifest]:
    """All of it, for one namespace, but for its rights."""
    about = {"name": NAME, "namespace": namespace}
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": about,
            "data": {"settings.yaml": yaml.safe_dump(settings)},
        },
        {"apiVersion": "v1", "kind": "Secret", "metadata": about, "stringData": dict(urls)},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": about,
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": {"app": NAME}},
                "template": {"metadata": {"labels": {"app": NAME}}, "spec": _pod()},
            },
        },
    ]


def _pod() -> Manifest:
    container = {
        "name": "operator",
        "image": builders.tag("operator"),
        "imagePullPolicy": "IfNotPresent",
        "securityContext": SECURITY,
        "args": [
            "--settings",
            "/etc/indexjob/settings/settings.yaml",
            "--database-credentials",
            "/etc/indexjob/database",
        ],
        "ports": [{"name": "pages", "containerPort": PORT}],
        "resources": {"requests": {"cpu": "500m", "memory": "128Mi"}},  # without, it is the last to get a busy CPU
        "startupProbe": {"httpGet": {"path": "/livez", "port": "pages"}, "periodSeconds": 1, "failureThreshold": 120},
        "livenessProbe": {"httpGet": {"path": "/livez", "port": "pages"}},
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "pages"}, "periodSeconds": 1},
        "volumeMounts": [
            {"name": "settings", "mountPath": "/etc/indexjob/settings", "readOnly": True},
            {"name": "database", "mountPath": "/etc/indexjob/database", "readOnly": True},
        ],
    }
    volumes = [
        {"name": "settings", "configMap": {"name": NAME}},
        {"name": "database", "secret": {"secretName": NAME, "defaultMode": 0o440}},
    ]
    return {
        "serviceAccountName": NAME,
        "automountServiceAccountToken": True,
        "securityContext": {"runAsNonRoot": True, "fsGroup": 65532},
        "containers": [container],
        "volumes": volumes,
    }
