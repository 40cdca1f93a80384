"""As much of a Kubernetes API as Helm asks for when it renders for a cluster without installing: its version, its kinds, and what is there already.

`lookup` finds nothing where no cluster is asked, so what NOTES say of one is out of `helm template`'s reach; and these few answers need no whole cluster.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Manifest = dict[str, Any]

KINDS: dict[str, dict[str, str]] = {
    "v1": {
        "Namespace": "namespaces",
        "Secret": "secrets",
        "ServiceAccount": "serviceaccounts",
        "ConfigMap": "configmaps",
        "Service": "services",
        "Pod": "pods",
    },
    "apps/v1": {"Deployment": "deployments"},
    "networking.k8s.io/v1": {"NetworkPolicy": "networkpolicies"},
    "policy/v1": {"PodDisruptionBudget": "poddisruptionbudgets"},
    "rbac.authorization.k8s.io/v1": {
        "Role": "roles",
        "RoleBinding": "rolebindings",
        "ClusterRole": "clusterroles",
        "ClusterRoleBinding": "clusterrolebindings",
    },
    "apiextensions.k8s.io/v1": {"CustomResourceDefinition": "customresourcedefinitions"},
}
OF_THE_CLUSTER = {"Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"}
NOT_FOUND = {"apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}


def answer(path: str, there: list[Manifest]) -> Manifest | None:
    """None is for what isn't there."""
    match path.strip("/").split("/"):
        case ["version"]:
            return {"major": "1", "minor": "36", "gitVersion": "v1.36.0"}
        case ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"]}
        case ["apis"]:
            groups = [_group(version) for version in KINDS if "/" in version]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        case ["api" | "apis", *version] if "/".join(version) in KINDS:
            return _kinds("/".join(version))
        case ["openapi", "v3"]:
            return {
                "paths": {_page(version): {"serverRelativeURL": f"/openapi/v3/{_page(version)}"} for version in KINDS}
            }
        case ["openapi", "v3", "api" | "apis", *version]:
            return _validates("/".join(version))
        case ["api", "v1", "namespaces", namespace, kind, name]:
            return next((one for one in there if _place(one) == (namespace, kind, name)), None)
    return None


@contextmanager
def answering(there: list[Manifest]) -> Iterator[str]:
    """Where a cluster answers that has these Secrets and service accounts, for as long as the context lasts. It takes no writes."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = answer(self.path.partition("?")[0], there)
            body = json.dumps(found or NOT_FOUND).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing is told."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def kubeconfig(url: str) -> str:
    """To reach it with."""
    names = {"cluster": "answering", "user": "anybody"}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": names["cluster"], "cluster": {"server": url}}],
            "users": [{"name": names["user"], "user": {"token": "none"}}],
            "contexts": [{"name": "here", "context": names}],
            "current-context": "here",
        }
    )


def _group(version: str) -> Manifest:
    group, _, number = version.partition("/")
    known = {"groupVersion": version, "version": number}
    return {"name": group, "versions": [known], "preferredVersion": known}


def _page(version: str) -> str:
    return f"apis/{version}" if "/" in version else f"api/{version}"


def _kinds(version: str) -> Manifest:
    resources = [
        {
            "name": name,
            "singularName": kind.lower(),
            "kind": kind,
            "namespaced": kind not in OF_THE_CLUSTER,
            "verbs": ["get"],
        }
        for kind, name in KINDS[version].items()
    ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}


def _validates(version: str) -> Manifest:
    """Says of each kind that the server looks for unknown fields by itself: Helm then asks for no schema."""
    group, _, number = version.rpartition("/")
    parameters = [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}]
    paths = {
        f"/{_page(version)}/{name}/{{name}}": {
            "patch": {
                "parameters": parameters,
                "responses": {},
                "x-kubernetes-group-version-kind": {"group": group, "version": number, "kind": kind},
            }
        }
        for kind, name in KINDS[version].items()
    }
    return {"openapi": "3.0.0", "info": {"title": "what Helm asks for", "version": "1"}, "paths": paths}


def _place(one: Manifest) -> tuple[str, str, str]:
    return one["metadata"]["namespace"], KINDS["v1"][one["kind"]], one["metadata"]["name"]
