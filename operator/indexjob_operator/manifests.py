"""Builds what a launch is made of in Kubernetes: one Secret and one Job, of which the Job controller makes pods. Pure.

The pod passes Pod Security `restricted` and has nothing that it doesn't need: no token of a service account, no writable file but its workspace. `clone`
sees the git credential and `index` the database credential, each as files of the same Secret; neither sees the other's.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from indexjob.outcome import ExitCode
from indexjob.private_ca import CA_FILE
from indexjob_operator import names
from indexjob_operator.fitting import fitted
from indexjob_operator.quantities import in_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from indexjob_operator.profiles import Profile
    from indexjob_operator.runtime.protocol import LaunchRequest
    from indexjob_operator.settings import Worker

Manifest: TypeAlias = dict[str, Any]

USER = 65532
KILLED = 137
GRACE_SECONDS = 20
"""The worker ends within 8 s of SIGTERM."""
OVERTIME_SECONDS = 600
"""The worker keeps its deadline itself; a pod that can't is ended so long after it and its waiting."""
GIT_KEYS = ("username", "password", "token", "ssh-privatekey", "known_hosts", "ca.crt")
"""The keys of a git credential that are handed on; whatever else its Secret holds stays where it is."""
GIT_PREFIX = "git."
RUN_SPEC, DATABASE_URL, LAUNCH_TOKEN = "run-spec.json", "database-url", "launch-token"
DATABASE_CA = "database-ca.crt"
"""There even if it is empty: of Job and Secret one may be made after the other, when the certificate has come or gone."""
SECRET_VOLUMES = ("orders", "database", "git")
ORDERS = "/run/indexjob/orders"
GIT_CREDENTIALS = "/run/indexjob/git"
DATABASE_CREDENTIALS = "/run/indexjob/database"
WORKSPACE = "/workspace"
CONTAINER_SECURITY: Manifest = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
}
POD_SECURITY: Manifest = {
    "runAsNonRoot": True,
    "runAsUser": USER,
    "runAsGroup": USER,
    "fsGroup": USER,
    "fsGroupChangePolicy": "OnRootMismatch",
    "seccompProfile": {"type": "RuntimeDefault"},
}


@dataclass(frozen=True, slots=True)
class Owner:
    """The ConfigMap that everything goes with."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where launches are made, of which database, with which worker."""

    namespace: str
    instance: UUID
    worker: Worker
    node_lost_seconds: int = 60
    owner: Owner | None = None


def secret_manifest(place: Place, request: LaunchRequest, git: Mapping[str, bytes]) -> Manifest:
    """All that the pods read: run spec, database credential, and a copy of the git credential's keys. It goes when its launch is recorded."""
    spec = replace(request.run_spec, limits=fitted(request.profile, memory_of(request)))
    files = {
        RUN_SPEC: spec.to_json().encode(),
        DATABASE_URL: request.database_url.encode(),
        LAUNCH_TOKEN: request.launch_token.encode(),
        DATABASE_CA: request.database_ca.encode(),
        **{GIT_PREFIX + key: git[key] for key in GIT_KEYS if key in git},
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": _metadata(place, request)
        | {"name": request.secret_name, "ownerReferences": _owned_by_release(place)},
        "type": "codeindex.dev/launch",
        "immutable": True,
        "data": {name: base64.b64encode(content).decode() for name, content in files.items()},
    }


def job_manifest(place: Place, request: LaunchRequest, git: Mapping[str, bytes]) -> Manifest:
    """The Job, without a TTL: it stays until its outcome is recorded."""
    metadata = _metadata(place, request)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata | {"ownerReferences": _owned_by_release(place)},
        "spec": {
            "backoffLimit": request.backoff_limit,
            "completions": 1,
            "parallelism": 1,
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": {"rules": _failure_rules()},
            "template": {
                "metadata": {
                    "labels": request.profile.labels | metadata["labels"] | {names.COMPONENT: names.WORKER},
                    "annotations": request.profile.annotations,
                },
                "spec": _pod_spec(place, request, [key for key in GIT_KEYS if key in git]),
            },
        },
    }


def secret_of(job: Manifest) -> str | None:
    """The name of the Secret that the Job's pods read; None if it is no Job as it is made here."""
    volumes = job["spec"]["template"]["spec"].get("volumes") or ()
    read = {volume.get("secret", {}).get("secretName") for volume in volumes if volume["name"] in SECRET_VOLUMES}
    return read.pop() if len(read) == 1 else None


def token_of(secret: Manifest) -> str | None:
    """The launch token in a Secret, as the API has it: who can't read the database has made none with it."""
    token: str | None = (secret.get("data") or {}).get(LAUNCH_TOKEN)
    return token


def memory_of(request: LaunchRequest) -> int | None:
    """What each container of this launch may use."""
    return request.memory_bytes if request.memory_bytes is not None else request.profile.memory_bytes


def _metadata(place: Place, request: LaunchRequest) -> Manifest:
    spec = request.run_spec
    labels = names.labels_of(place.instance, request.key)
    if tenant := names.as_label(spec.tenant):
        labels[names.TENANT] = tenant
    return {
        "name": request.key.name,
        "namespace": place.namespace,
        "labels": labels,
        "annotations": {names.REPOSITORY: spec.repository, names.REVISION: spec.revision},
    }


def _owned_by_release(place: Place) -> list[Manifest]:
    if place.owner is None:
        return []
    return [{"apiVersion": "v1", "kind": "ConfigMap", "name": place.owner.name, "uid": place.owner.uid}]


def _failure_rules() -> list[Manifest]:
    """In this order: a disruption spends nothing; what would end the same way again ends the Job.

    A container killed for memory is of the latter: Kubernetes would start it again in the same memory; the next launch has more.
    """
    permanent = sorted(code.value for code in ExitCode if code.permanent)
    return [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [*permanent, KILLED]}},
    ]


def _pod_spec(place: Place, request: LaunchRequest, git_keys: list[str]) -> Manifest:
    profile, worker = request.profile, place.worker
    clone_mounts, clone_arguments = [_mounted("orders", ORDERS)], []
    if git_keys:
        clone_mounts.append(_mounted("git", GIT_CREDENTIALS))
        clone_arguments = ["--git-credentials", GIT_CREDENTIALS]
    index_mounts = [_mounted("orders", ORDERS), _mounted("database", DATABASE_CREDENTIALS)]
    deadline = request.run_spec.deadline_seconds
    spec: Manifest = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "securityContext": POD_SECURITY,
        "initContainers": [_container(place, request, "clone", clone_arguments, clone_mounts)],
        "containers": [
            _container(place, request, "index", ["--database-credentials", DATABASE_CREDENTIALS], index_mounts)
        ],
        "volumes": _volumes(request, git_keys),
        "tolerations": _tolerations(place, profile),
    }
    if deadline:
        spec["activeDeadlineSeconds"] = deadline + profile.waiting_seconds + OVERTIME_SECONDS
    optional: Manifest = {
        "serviceAccountName": worker.service_account_name,
        "nodeSelector": profile.node_selector,
        "affinity": profile.affinity,
        "priorityClassName": profile.priority_class_name,
        "runtimeClassName": profile.runtime_class_name,
        "imagePullSecrets": [{"name": name} for name in profile.image_pull_secrets],
    }
    return spec | {name: value for name, value in optional.items() if value}


def _container(place: Place, request: LaunchRequest, command: str, more: list[str], mounts: list[Manifest]) -> Manifest:
    paths = ["--run-spec", f"{ORDERS}/{RUN_SPEC}", "--workspace", f"{WORKSPACE}/run"]
    container: Manifest = {
        "name": command,
        "image": place.worker.image,
        "imagePullPolicy": place.worker.image_pull_policy,
        "args": [command, *paths, *more],
        "env": [
            _from_pod("POD_UID", "metadata.uid"),
            _from_pod("POD_NAME", "metadata.name"),
            _from_pod("NODE_NAME", "spec.nodeName"),
            {"name": "HOME", "value": WORKSPACE},
            {"name": "TMPDIR", "value": WORKSPACE},
        ],
        "resources": _resources(request),
        "securityContext": CONTAINER_SECURITY,
        "terminationMessagePolicy": "File",
        "volumeMounts": [{"name": "workspace", "mountPath": WORKSPACE}, *mounts],
    }
    if place.worker.command:
        container["command"] = list(place.worker.command)
    return container


def _resources(request: LaunchRequest) -> Manifest:
    """The profile's; with more memory, the request grows with the limit."""
    resources = request.profile.resources
    requests, limits = resources.requests.manifest(), resources.limits.manifest()
    usual, memory = request.profile.memory_bytes, memory_of(request)
    if usual and memory and memory != usual:
        limits["memory"] = str(memory)
        if asked := requests.get("memory"):
            requests["memory"] = str(min(memory, in_bytes(asked) * memory // usual))
    return {"requests": requests, "limits": limits}


def _volumes(request: LaunchRequest, git_keys: list[str]) -> list[Manifest]:
    name = request.secret_name
    volumes = [
        {"name": "workspace", **_workspace(request.profile)},
        _files("orders", name, {RUN_SPEC: RUN_SPEC}),
        _files("database", name, {DATABASE_URL: DATABASE_URL, LAUNCH_TOKEN: LAUNCH_TOKEN, DATABASE_CA: CA_FILE}),
    ]
    if git_keys:
        volumes.append(_files("git", name, {GIT_PREFIX + key: key for key in git_keys}))
    return volumes


def _workspace(profile: Profile) -> Manifest:
    workspace = profile.workspace
    if workspace.storage_class_name is None:
        return {"emptyDir": {"sizeLimit": workspace.size}}
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": workspace.storage_class_name,
        "resources": {"requests": {"storage": workspace.size}},
    }
    return {"ephemeral": {"volumeClaimTemplate": {"spec": claim}}}


def _files(volume: str, secret: str, items: Mapping[str, str]) -> Manifest:
    """Keys of the Secret as files that the pod's group may read, and nobody else."""
    return {
        "name": volume,
        "secret": {
            "secretName": secret,
            "defaultMode": 0o440,
            "items": [{"key": key, "path": path} for key, path in items.items()],
        },
    }


def _tolerations(place: Place, profile: Profile) -> list[Manifest]:
    """The profile's; a node that is gone is given up soon, unless the profile says when (Kubernetes waits 300 s by default)."""
    own = [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": place.node_lost_seconds}
        for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
        if not any(toleration.get("key") == key for toleration in profile.tolerations)
    ]
    return [*profile.tolerations, *own]


def _mounted(volume: str, path: str) -> Manifest:
    return {"name": volume, "mountPath": path, "readOnly": True}


def _from_pod(variable: str, field: str) -> Manifest:
    return {"name": variable, "valueFrom": {"fieldRef": {"fieldPath": field}}}
