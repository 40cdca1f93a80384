"""What a launch is made of in Kubernetes."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from indexjob.private_ca import CA_FILE
from indexjob.run_spec import RunSpec
from indexjob_operator.fitting import fitted
from indexjob_operator.manifests import Owner, job_manifest, secret_manifest, secret_of, token_of
from indexjob_operator.profiles import Profile
from indexjob_operator.settings import Worker
from tests.unit.operator.launches import INSTANCE, KEY, PLACE, request

GIT = {"username": b"canary-user", "password": b"canary-password"}
GIB = 1024**3


def pod_spec(profile: Profile | None = None, git: dict[str, bytes] | None = None, **more: Any) -> dict[str, Any]:
    spec: dict[str, Any] = job_manifest(PLACE, request(profile, **more), git or {})["spec"]["template"]["spec"]
    return spec


def containers(spec: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    (clone,), (index,) = spec["initContainers"], spec["containers"]
    return clone, index


def mounts(container: dict[str, Any]) -> dict[str, str]:
    return {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}


def test_the_job_is_named_and_labelled_after_the_launch_and_the_database() -> None:
    metadata = job_manifest(PLACE, request(), {})["metadata"]
    assert metadata["name"] == KEY.name
    assert metadata["labels"] == {
        "app.kubernetes.io/managed-by": "indexjob",
        "codeindex.dev/instance": str(INSTANCE),
        "codeindex.dev/index-job": str(KEY.job_id),
        "codeindex.dev/launch": "2",
        "codeindex.dev/tenant": "team-a",
    }
    assert metadata["annotations"]["codeindex.dev/repository"] == "https://git.test/a/b"


def test_retries_are_kubernetes_own_and_disruptions_come_first() -> None:
    spec = job_manifest(PLACE, request(), {})["spec"]
    assert (spec["backoffLimit"], spec["podReplacementPolicy"]) == (3, "Failed")
    assert spec["podFailurePolicy"]["rules"] == [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [65, 77, 124, 137]}},
    ]


def test_it_has_no_ttl_until_it_is_recorded_and_no_deadline_that_counts_the_waiting() -> None:
    spec = job_manifest(PLACE, request(), {})["spec"]
    assert "ttlSecondsAfterFinished" not in spec
    assert "activeDeadlineSeconds" not in spec
    assert spec["template"]["spec"]["activeDeadlineSeconds"] >= 3600 + 600


def test_the_pod_passes_restricted_and_has_no_token() -> None:
    spec = pod_spec(git=GIT)
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert spec["restartPolicy"] == "Never"
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["securityContext"]["runAsNonRoot"] is True
    for container in containers(spec):
        security = container["securityContext"]
        assert (security["allowPrivilegeEscalation"], security["readOnlyRootFilesystem"]) == (False, True)
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert {one["name"]: one["value"] for one in container["env"] if "value" in one} == {
            "HOME": "/workspace",
            "TMPDIR": "/workspace",
        }


def test_each_credential_is_mounted_where_it_is_used_and_nowhere_else() -> None:
    spec = pod_spec(git=GIT)
    clone, index = containers(spec)
    assert "git" in mounts(clone)
    assert "database" not in mounts(clone)
    assert "database" in mounts(index)
    assert "git" not in mounts(index)
    items = {v["name"]: [i["key"] for i in v["secret"]["items"]] for v in spec["volumes"] if "secret" in v}
    assert items == {
        "orders": ["run-spec.json"],
        "database": ["database-url", "launch-token", "database-ca.crt"],
        "git": ["git.username", "git.password"],
    }
    assert {v["secret"]["defaultMode"] for v in spec["volumes"] if "secret" in v} == {0o440}
    assert spec["securityContext"]["fsGroup"] == spec["securityContext"]["runAsUser"]


def test_without_a_git_credential_nothing_of_one_is_said() -> None:
    clone, _ = containers(pod_spec())
    assert clone["args"] == [
        "clone",
        "--run-spec",
        "/run/indexjob/orders/run-spec.json",
        "--workspace",
        "/workspace/run",
    ]
    assert "--git-credentials" in containers(pod_spec(git=GIT))[0]["args"]


def test_a_private_ca_of_the_database_is_beside_its_url_and_there_if_it_is_empty() -> None:
    """Where the worker looks for it. The Job is the same with and without."""
    (database,) = [v["secret"]["items"] for v in pod_spec()["volumes"] if v["name"] == "database"]
    assert {"key": "database-ca.crt", "path": CA_FILE} in database
    assert job_manifest(PLACE, request(database_ca="a certificate"), {}) == job_manifest(PLACE, request(), {})
    for certificate in ("a certificate", ""):
        data = secret_manifest(PLACE, request(database_ca=certificate), {})["data"]
        assert base64.b64decode(data["database-ca.crt"]).decode() == certificate


def test_no_secret_is_in_the_job_and_all_of_them_are_in_the_secret() -> None:
    assert "canary" not in json.dumps(job_manifest(PLACE, request(), GIT))
    secret = secret_manifest(PLACE, request(), GIT | {"other": b"not for git"})
    files = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    own = {"run-spec.json", "database-url", "launch-token", "database-ca.crt"}
    assert set(files) == own | {"git.username", "git.password"}
    assert files["database-url"] == "postgresql://canary-url"
    assert secret["immutable"] is True
    assert "canary" not in repr(request())


def test_the_secrets_name_can_be_said_by_the_database_alone() -> None:
    """Pods read the one that was made for them, not one that was there before."""
    first, other = request(), replace(request(), launch_token="another")
    made = secret_manifest(PLACE, first, GIT)
    assert secret_of(job_manifest(PLACE, first, GIT)) == made["metadata"]["name"]
    assert token_of(made) not in (None, token_of(secret_manifest(PLACE, other, GIT)))
    assert token_of({"metadata": {}}) is None
    assert first.secret_name != other.secret_name
    assert first.secret_name.startswith(f"{first.key.name}-")
    assert first.launch_token not in first.secret_name
    assert job_manifest(PLACE, first, GIT)["metadata"]["name"] == first.key.name
    strange = job_manifest(PLACE, first, GIT)
    strange["spec"]["template"]["spec"]["volumes"][1]["secret"]["secretName"] = "theirs"
    assert secret_of(strange) is None
    assert secret_of({"spec": {"template": {"spec": {}}}}) is None


def test_job_and_secret_are_the_releases() -> None:
    place = replace(PLACE, owner=Owner("release", "uid-1"))
    for manifest in (secret_manifest(place, request(), {}), job_manifest(place, request(), {})):
        assert [(o["kind"], o["name"], o["uid"]) for o in manifest["metadata"]["ownerReferences"]] == [
            ("ConfigMap", "release", "uid-1")
        ]


def test_a_storage_class_gives_each_pod_a_volume_of_its_own() -> None:
    workspace = {v["name"]: v for v in pod_spec()["volumes"]}["workspace"]
    assert workspace["emptyDir"] == {"sizeLimit": "10Gi"}
    profile = Profile.model_validate({"workspace": {"size": "5Gi", "storageClassName": "fast"}})
    claim = {v["name"]: v for v in pod_spec(profile)["volumes"]}["workspace"]["ephemeral"]["volumeClaimTemplate"][
        "spec"
    ]
    assert (claim["storageClassName"], claim["resources"]["requests"]["storage"]) == ("fast", "5Gi")


def test_a_profile_is_in_the_pod() -> None:
    profile = Profile.model_validate(
        {
            "nodeSelector": {"disk": "ssd"},
            "tolerations": [{"key": "batch", "operator": "Exists"}],
            "imagePullSecrets": ["registry"],
            "priorityClassName": "low",
            "runtimeClassName": "gvisor",
            "labels": {"team": "x", "codeindex.dev/launch": "9"},
            "annotations": {"a": "b"},
            "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "4Gi"}},
        }
    )
    template = job_manifest(PLACE, request(profile), {})["spec"]["template"]
    spec = template["spec"]
    assert template["metadata"]["labels"]["team"] == "x"
    assert template["metadata"]["labels"]["codeindex.dev/launch"] == "2", (
        "what the operator goes by is not for profiles to change"
    )
    assert template["metadata"]["annotations"] == {"a": "b"}
    assert (spec["nodeSelector"], spec["priorityClassName"], spec["runtimeClassName"]) == (
        {"disk": "ssd"},
        "low",
        "gvisor",
    )
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
    assert spec["tolerations"][0] == {"key": "batch", "operator": "Exists"}
    assert containers(spec)[1]["resources"] == {"requests": {"cpu": "1"}, "limits": {"memory": "4Gi"}}


def test_autoscalers_leave_the_pod_alone_unless_the_profile_says_otherwise() -> None:
    annotations = job_manifest(PLACE, request(), {})["spec"]["template"]["metadata"]["annotations"]
    assert annotations == {
        "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
        "karpenter.sh/do-not-disrupt": "true",
    }


def test_a_node_that_is_gone_is_given_up_soon_or_as_the_profile_says() -> None:
    own = [(t["key"], t["tolerationSeconds"]) for t in pod_spec()["tolerations"]]
    assert own == [("node.kubernetes.io/not-ready", 60), ("node.kubernetes.io/unreachable", 60)]
    profile = Profile.model_validate(
        {"tolerations": [{"key": "node.kubernetes.io/unreachable", "operator": "Exists", "tolerationSeconds": 5}]}
    )
    assert [(t["key"], t["tolerationSeconds"]) for t in pod_spec(profile)["tolerations"]] == [
        ("node.kubernetes.io/unreachable", 5),
        ("node.kubernetes.io/not-ready", 60),
    ]


def test_more_memory_raises_limit_and_request_alike() -> None:
    profile = Profile.model_validate({"resources": {"requests": {"memory": "1Gi"}, "limits": {"memory": "2Gi"}}})
    resources = containers(pod_spec(profile, memory_bytes=8 * GIB))[1]["resources"]
    assert resources == {"requests": {"memory": str(4 * GIB)}, "limits": {"memory": str(8 * GIB)}}


def test_an_own_command_takes_the_place_of_the_images() -> None:
    place = replace(PLACE, worker=Worker(image="x", command=("sh", "-c", "true")))
    spec = job_manifest(place, request(), {})["spec"]["template"]["spec"]
    assert [c["command"] for c in containers(spec)] == [["sh", "-c", "true"]] * 2


@pytest.mark.parametrize(
    ("memory", "cpu", "children"),
    [("512Mi", None, 1), ("1Gi", "8", 1), ("2Gi", None, 4), ("2Gi", "2", 2), ("16Gi", "6500m", 7), ("64Mi", "4", 1)],
)
def test_extraction_children_fit_into_the_container(memory: str, cpu: str | None, children: int) -> None:
    amounts = {"memory": memory} | ({"cpu": cpu} if cpu else {})
    profile = Profile.model_validate({"resources": {"requests": {}, "limits": amounts}})
    limits = fitted(profile, profile.memory_bytes)
    assert limits.extractors == children
    assert limits.extractor_memory_bytes <= GIB
    assert limits.extractor_memory_bytes * children <= max(profile.memory_bytes or 0, 256 * 1024**2)


def test_the_clone_leaves_room_in_its_workspace_and_the_profile_may_ask_for_less() -> None:
    small = Profile.model_validate({"workspace": {"size": "1Gi"}})
    assert fitted(small, None).clone_bytes == int(0.9 * GIB)
    strict = Profile.model_validate({"limits": {"clone_bytes": 1000, "extractors": 3}})
    assert (fitted(strict, None).clone_bytes, fitted(strict, None).extractors) == (1000, 3)


def test_the_worker_is_told_what_fits() -> None:
    data = secret_manifest(PLACE, request(), {})["data"]
    spec = RunSpec.from_json(base64.b64decode(data["run-spec.json"]))
    assert spec.limits == fitted(Profile(), 2 * GIB)
