"""The operator as a pod of its image, with a service account of its own: the least that runs, where the chart gives all."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from tests.cluster.machine import builders
from tests.cluster.manifests import SECURITY
from tests.cluster.namespace import Manifest

NAME = "indexjob-operator"
PORT = 8080


def manifests(namespace: str, settings: Manifest, urls: Mapping[str, str], *, replicas: int = 1) -> list[Manifest]:
    """All of it, for one namespace; in it the operator may do anything, elsewhere nothing."""
    about = {"name": NAME, "namespace": namespace}
    account = {"kind": "ServiceAccount", "name": NAME, "namespace": namespace}
    everything = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": about},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": about,
            "subjects": [account],
            "roleRef": everything,
        },
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
        "securityContext": {"runAsNonRoot": True, "fsGroup": 65532},
        "containers": [container],
        "volumes": volumes,
    }
