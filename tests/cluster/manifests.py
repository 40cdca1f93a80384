"""The few manifests that the tests of the ground share."""

from typing import Any

Manifest = dict[str, Any]

USER = 65532
SECURITY = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "runAsUser": USER,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def pod_spec(image: str, script: str, *, volume: Manifest | None = None, container: Manifest | None = None) -> Manifest:
    """A locked-down container that runs a shell script; `volume` is mounted at /workspace."""
    main = {
        "name": "main",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-ec", script],
        "securityContext": SECURITY,
        "volumeMounts": [{"name": "workspace", "mountPath": "/workspace"}] if volume else [],
        **(container or {}),
    }
    return {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 1,
        "volumes": [{"name": "workspace", **volume}] if volume else [],
        "containers": [main],
    }


def job(
    name: str,
    image: str,
    script: str,
    *,
    volume: Manifest | None = None,
    container: Manifest | None = None,
    **spec: Any,
) -> Manifest:
    """A Job of one such pod; more of its spec by name (`backoffLimit=…`)."""
    template = {"spec": pod_spec(image, script, volume=volume, container=container)}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {**spec, "template": template}}


def pod(
    name: str, image: str, script: str, *, volume: Manifest | None = None, container: Manifest | None = None
) -> Manifest:
    """Labelled `app: name`, for selectors."""
    about = {"name": name, "labels": {"app": name}}
    spec = pod_spec(image, script, volume=volume, container=container)
    return {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": spec}


def service(name: str, port: int) -> Manifest:
    """Before the pods labelled `app: name`."""
    spec = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": port}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}
