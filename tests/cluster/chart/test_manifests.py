"""What the chart renders, judged by a real API server: nothing is made."""

import json

import pytest
import yaml
from helm_python import Chart

from tests.cluster.chart.release import CHART, merged
from tests.cluster.machine.commands import CommandFailedError
from tests.cluster.namespace import Manifest, Namespace

NAMED: Manifest = {"database": {"existingSecret": "db"}}
ALL: Manifest = {
    "database": {"trial": {"enabled": True, "image": "postgres.test/postgres:18"}},
    "imageRegistry": "registry.test/team",
    "imagePullSecrets": ["pull"],
    "credentialNamespaces": ["*"],
    "operator": {
        "replicas": 2,
        "extraEnv": [{"name": "A", "value": "b"}],
        "extraVolumes": [{"name": "ca", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca"}],
        "nodeSelector": {"a": "b"},
        "tolerations": [{"key": "c", "operator": "Exists"}],
        "affinity": {"podAntiAffinity": {}},
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
        ],
        "priorityClassName": "system-cluster-critical",
        "podDisruptionBudget": {"maxUnavailable": "50%"},
    },
    "networkPolicy": {
        "git": {"privateRanges": ["10.0.0.0/8", "fd00::/8"]},
        "dns": {"cidrs": ["169.254.20.10/32"]},
        "apiServer": {"cidrs": ["10.0.0.1/32"]},
    },
}
IN_NAMESPACES: Manifest = {"credentialNamespaces": ["{}"], "watchNamespaces": ["{}"], "runNamespace": "{}"}
FOREIGN = ("ServiceMonitor", "PrometheusRule")  # of resources that this cluster doesn't know


def rendered(space: Namespace, values: Manifest) -> list[Manifest]:
    values = json.loads(json.dumps(values).replace("{}", space.name)) if values is IN_NAMESPACES else values
    with Chart.load(CHART) as chart:
        texts = chart.render(merged(NAMED if values is not ALL else {}, values), name="indexjob", namespace=space.name)
    manifests = [one for path, text in texts.items() if path.endswith(".yaml") for one in yaml.safe_load_all(text)]
    return [one for one in manifests if one and one["kind"] not in FOREIGN]


@pytest.mark.parametrize("values", [NAMED, ALL, IN_NAMESPACES], ids=["least", "most", "in namespaces"])
def test_the_api_server_takes_every_manifest(namespace: Namespace, values: Manifest) -> None:
    """With every field that it says: one that the API server doesn't know fails, too."""
    manifests = rendered(namespace, values)
    assert len(manifests) >= 16
    whole = {"apiVersion": "v1", "kind": "List", "items": manifests}
    namespace("apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=json.dumps(whole))


@pytest.mark.parametrize("values", [NAMED, ALL], ids=["least", "most"])
def test_a_restricted_namespace_takes_every_pod(namespace: Namespace, values: Manifest) -> None:
    namespace.cluster("label", "namespace", namespace.name, "pod-security.kubernetes.io/enforce=restricted")
    namespace("create", "serviceaccount", "indexjob-operator")
    templates = [
        (o["metadata"]["name"], o["spec"]["template"]) for o in rendered(namespace, values) if o["kind"] == "Deployment"
    ]
    templates += [(o["metadata"]["name"], o) for o in rendered(namespace, values) if o["kind"] == "Pod"]
    for name, template in templates:
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": template["spec"]}
        namespace("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))
    lax = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "lax"},
        "spec": {"containers": [{"name": "a", "image": "b"}]},
    }
    with pytest.raises(CommandFailedError, match="restricted"):
        namespace("create", "--dry-run=server", "-f", "-", stdin=json.dumps(lax))
