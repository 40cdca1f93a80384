"""The values are the operator's settings, one to one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexjob_operator import settings

if TYPE_CHECKING:
    from tests.chart.conftest import Engine


def test_the_operator_understands_what_the_chart_writes_and_keeps_its_own_defaults(render: Engine) -> None:
    found = settings.read(render().settings)
    assert found == settings.read(
        {
            "runNamespace": "ij",
            "owner": "indexjob-owner",
            "worker": {"image": "indexjob-worker:0.1.0", "serviceAccountName": "indexjob-worker"},
        }
    )


def test_everything_that_can_be_set_arrives(render: Engine) -> None:
    given = {
        "runNamespace": "runs",
        "watchNamespaces": ["team-a"],
        "credentialNamespaces": ["team-a"],
        "tenants": {"team-a": "alpha"},
        "shares": {"alpha": {"cap": 5, "weight": 2, "role": "tenant_alpha"}},
        "queue": {"concurrency": 7, "sweepSeconds": 10},
        "patience": {"noPodSeconds": 3},
        "keep": {"snapshots": 1},
        "profiles": {
            "large": {
                "deadlineSeconds": 7200,
                "memoryCap": "32Gi",
                "resources": {
                    "requests": {"cpu": 2, "memory": "4Gi"},
                    "limits": {"memory": "8Gi", "ephemeral-storage": "60Gi"},
                },
                "workspace": {"size": "50Gi", "storageClassName": "fast"},
                "limits": {"totalBytes": 8_589_934_592, "files": 5_000_000},
                "tolerations": [{"key": "batch", "operator": "Exists"}],
                "nodeSelector": {"disk": "ssd"},
            }
        },
    }
    found = settings.read(render(given, {"worker": {"image": "registry.test/w:2"}}).settings)
    assert found.watch_namespaces == ("team-a",)
    assert (found.tenant_of("team-a"), found.may_look_in("team-a")) == ("alpha", True)
    assert (found.shares["alpha"].cap, found.queue.concurrency, found.keep.snapshots) == (5, 7, 1)
    assert sorted(found.profiles) == ["default", "large"]
    assert found.profiles["large"].limits.total_bytes == 8_589_934_592
    assert found == settings.read(
        given
        | {"owner": "indexjob-owner", "profiles": {"default": {}, **given["profiles"]}}
        | {"worker": {"image": "registry.test/w:2", "serviceAccountName": "indexjob-worker"}}
    )


def test_changed_settings_roll_the_pod_and_nothing_else_does(render: Engine) -> None:
    def checksum(*values: dict[str, object]) -> str:
        return str(render(*values).operator_pod["metadata"]["annotations"]["checksum/settings"])

    assert checksum() == checksum({"operator": {"replicas": 2}, "serviceMonitor": {"enabled": True}})
    assert checksum() != checksum({"queue": {"concurrency": 3}})


def test_both_images_are_looked_for_in_one_registry(render: Engine) -> None:
    found = render({"imageRegistry": "registry.test/team"})
    assert found.settings["worker"]["image"] == "registry.test/team/indexjob-worker:0.1.0"
    pod = found.operator_pod["spec"]
    images = {container["image"] for container in (*pod["initContainers"], *pod["containers"])}
    assert images == {"registry.test/team/indexjob-operator:0.1.0"}
