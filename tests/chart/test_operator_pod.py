"""The operator's pod: locked down, probed, and told what it needs to know and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from indexjob.database import KEYS
from tests.chart.conftest import TRIAL

if TYPE_CHECKING:
    from tests.chart.conftest import Engine


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod.get("initContainers", []), *pod["containers"]]


def keys(pod: dict[str, Any], container: dict[str, Any], path: str) -> set[str]:
    """Of the Secret that a container sees there."""
    (volume,) = [mount["name"] for mount in container["volumeMounts"] if mount["mountPath"] == path]
    (secret,) = [one["secret"] for one in pod["volumes"] if one["name"] == volume]
    return {item["key"] for item in secret["items"]}


@pytest.mark.parametrize("base", [None, TRIAL], ids=["named", "trial"])
def test_every_pod_is_restricted(render: Engine, base: dict[str, Any] | None) -> None:
    found = render() if base is None else render(base=base)
    pods = [o["spec"]["template"]["spec"] for o in found.objects if o["kind"] == "Deployment"]
    pods += [o["spec"] for o in found.objects if o["kind"] == "Pod"]
    assert len(pods) == (2 if base is None else 3)
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in containers(pod):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {"requests", "limits"} <= container["resources"].keys()


def test_the_schemas_owner_is_a_login_of_the_migration_alone(render: Engine) -> None:
    found = render()
    pod = found.operator_pod["spec"]
    migrate, operator = containers(pod)
    assert migrate["command"] == ["indexjob", "migrate", "--wait"]
    assert keys(pod, migrate, "/etc/indexjob/database") == {"migrate-url", "url", "ca.crt"}
    assert keys(pod, operator, "/etc/indexjob/database") == {"operator-url", "worker-url", "url", "ca.crt"}
    test = found.one("Pod", "indexjob-test")["spec"]
    assert keys(test, test["containers"][0], "/etc/indexjob/database") == {"operator-url", "url", "ca.crt"}


def test_the_command_line_finds_the_database_in_each_pod(render: Engine) -> None:
    """So that people can call it in the operator's, too."""
    found = render()
    pods = found.operator_pod["spec"], found.one("Pod", "indexjob-test")["spec"]
    for pod in pods:
        for container in containers(pod):
            (place,) = [one["value"] for one in container["env"] if one["name"] == "INDEXJOB_DATABASE_URL_FILE"]
            assert keys(pod, container, place) & set(KEYS)


def test_migrating_can_be_left_to_others(render: Engine) -> None:
    pod = render({"database": {"migrate": False}}).operator_pod["spec"]
    assert [container["name"] for container in containers(pod)] == ["operator"]
    assert "migrate-url" not in str(pod)


def test_probes_ask_what_the_operator_answers(render: Engine) -> None:
    (operator,) = render().operator_pod["spec"]["containers"]
    assert operator["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "http"}
    assert operator["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}


def test_a_standby_may_stand_beside_it(render: Engine) -> None:
    found = render({"operator": {"replicas": 2, "terminationGracePeriodSeconds": 45}})
    deployment = found.one("Deployment", "indexjob-operator")["spec"]
    assert deployment["replicas"] == 2
    assert deployment["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert found.operator_pod["spec"]["terminationGracePeriodSeconds"] == 45
    budget = found.one("PodDisruptionBudget", "indexjob-operator")["spec"]
    assert budget["maxUnavailable"] == 1
    labels = found.operator_pod["metadata"]["labels"]
    assert budget["selector"]["matchLabels"].items() <= labels.items()
    assert deployment["selector"]["matchLabels"].items() <= labels.items()
    assert not render({"operator": {"podDisruptionBudget": {"enabled": False}}}).names("PodDisruptionBudget")


def test_more_may_be_mounted_and_set(render: Engine) -> None:
    """A proxy's CA, say: for the migration, the operator and the test."""
    mount = {"name": "ca", "mountPath": "/etc/ca"}
    found = render(
        {
            "operator": {
                "extraEnv": [{"name": "SSL_CERT_FILE", "value": "/etc/ca/ca.crt"}],
                "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
                "extraVolumeMounts": [mount],
                "nodeSelector": {"a": "b"},
                "tolerations": [{"key": "c", "operator": "Exists"}],
                "priorityClassName": "high",
                "podLabels": {"team": "x"},
            },
            "imagePullSecrets": ["pull"],
        }
    )
    pod = found.operator_pod["spec"]
    for spec in (pod, found.one("Pod", "indexjob-test")["spec"]):
        assert {"name": "ca", "configMap": {"name": "ca"}} in spec["volumes"]
        assert spec["imagePullSecrets"] == [{"name": "pull"}]
        for container in containers(spec):
            assert mount in container["volumeMounts"]
            assert {"name": "SSL_CERT_FILE", "value": "/etc/ca/ca.crt"} in container["env"]
    assert (pod["nodeSelector"], pod["priorityClassName"]) == ({"a": "b"}, "high")
    assert found.operator_pod["metadata"]["labels"]["team"] == "x"


def test_tokens_are_the_operators_alone(render: Engine) -> None:
    found = render(base=TRIAL)
    accounts = [o for o in found.objects if o["kind"] == "ServiceAccount"]
    assert {o["metadata"]["name"] for o in accounts} == {"indexjob-operator", "indexjob-worker"}
    assert not any(o["automountServiceAccountToken"] for o in accounts)
    assert found.operator_pod["spec"]["automountServiceAccountToken"] is True
    assert found.one("Pod", "indexjob-test")["spec"]["automountServiceAccountToken"] is False
    trial = found.one("Deployment", "indexjob-trial-database")["spec"]["template"]["spec"]
    assert trial["automountServiceAccountToken"] is False
