"""Who may do what, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.chart.conftest import Engine, Rendered

OPERATOR = {"kind": "ServiceAccount", "name": "indexjob-operator", "namespace": "ij"}


def granted(found: Rendered) -> dict[tuple[str | None, str], set[str]]:
    """What the operator is bound to: verbs by namespace (None is everywhere) and resource."""
    roles = {
        (o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]): o["rules"]
        for o in found.objects
        if o["kind"] in {"Role", "ClusterRole"}
    }
    result: dict[tuple[str | None, str], set[str]] = {}
    for binding in (o for o in found.objects if o["kind"] in {"RoleBinding", "ClusterRoleBinding"}):
        assert binding["subjects"] == [OPERATOR]
        where = binding["metadata"].get("namespace")
        for rule in roles[binding["roleRef"]["kind"], where, binding["roleRef"]["name"]]:
            for resource in rule["resources"]:
                result.setdefault((where, resource), set()).update(rule["verbs"])
    return result


def test_jobs_pods_and_secrets_are_those_of_the_run_namespace(render: Engine) -> None:
    for run in ("ij", "runs"):
        rights = granted(render({"runNamespace": run} if run != "ij" else {}))
        touched = {where for where, resource in rights if resource in {"jobs", "pods", "pods/log", "secrets"}}
        assert touched == {run}


def test_no_rule_has_a_wildcard(render: Engine) -> None:
    found = render({"credentialNamespaces": ["*"]})
    rules = [rule for o in found.objects if o["kind"] in {"Role", "ClusterRole"} for rule in o["rules"]]
    assert rules
    assert "*" not in str(rules)


def test_index_jobs_of_every_namespace_need_cluster_wide_rights_and_those_of_named_ones_do_not(render: Engine) -> None:
    assert {"get", "list", "watch"} <= granted(render())[None, "indexjobs"]
    named = render({"watchNamespaces": ["a", "b"]})
    rights = granted(named)
    assert {where for where, resource in rights if resource == "indexjobs"} == {"a", "b"}
    assert not [where for where, _ in rights if where is None]
    assert not named.names("ClusterRoleBinding")


def test_git_credentials_are_read_where_it_is_allowed(render: Engine) -> None:
    rights = granted(render({"credentialNamespaces": ["a"]}))
    assert rights["a", "secrets"] == {"get"}
    assert (None, "secrets") not in rights
    assert granted(render({"credentialNamespaces": ["*"]}))[None, "secrets"] == {"get"}


def test_people_get_index_jobs_with_kubernetes_own_roles(render: Engine) -> None:
    found = render()
    view: dict[str, Any] = found.one("ClusterRole", "ij:indexjob-view")
    edit: dict[str, Any] = found.one("ClusterRole", "ij:indexjob-edit")
    assert view["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-view"] == "true"
    assert edit["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-edit"] == "true"
    assert {"create", "delete"} <= set(edit["rules"][0]["verbs"])


def test_two_releases_share_no_cluster_wide_name(render: Engine) -> None:
    def cluster_wide(namespace: str) -> set[str]:
        found = render(namespace=namespace)
        return found.names("ClusterRole") | found.names("ClusterRoleBinding")

    assert cluster_wide("one").isdisjoint(cluster_wide("two"))


def test_rights_can_be_granted_by_others(render: Engine) -> None:
    found = render({"rbac": False})
    assert not any(found.names(kind) for kind in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"))
