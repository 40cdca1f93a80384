"""Who may talk to whom, as the policies say it; tests/cluster tries it by connections."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

import pytest
from helm_python import HelmRenderError

from tests.chart.conftest import TRIAL

if TYPE_CHECKING:
    from tests.chart.conftest import Engine


def policy(render: Engine, name: str, *values: dict[str, Any], **how: Any) -> dict[str, Any]:
    spec: dict[str, Any] = render(*values, **how).one("NetworkPolicy", name)["spec"]
    return spec


def to_git(spec: dict[str, Any]) -> dict[str, Any]:
    (rule,) = [r for r in spec["egress"] if {"port": 22} in r["ports"]]
    return dict(rule)


def lets_through(rule: dict[str, Any], address: str) -> bool:
    ip = ipaddress.ip_address(address)

    def holds(cidr: str) -> bool:
        return ip in ipaddress.ip_network(cidr)

    blocks = [peer["ipBlock"] for peer in rule["to"]]
    return any(holds(b["cidr"]) and not any(map(holds, b.get("except", []))) for b in blocks)


def test_dns_that_is_nowhere_is_refused(render: Engine) -> None:
    """Instead of port 53 of any address."""
    with pytest.raises(HelmRenderError, match="name the cluster's DNS"):
        render({"networkPolicy": {"dns": {"podLabels": None, "namespaceLabels": None, "cidrs": []}}})


def test_nothing_comes_in_to_workers(render: Engine) -> None:
    spec = policy(render, "indexjob-worker")
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert spec["ingress"] == []
    assert spec["podSelector"]["matchLabels"] == {
        "app.kubernetes.io/managed-by": "indexjob",
        "app.kubernetes.io/component": "worker",
    }


@pytest.mark.parametrize(
    ("address", "through"),
    [
        *((a, True) for a in ("140.82.121.4", "8.8.8.8", "172.15.0.1", "172.32.0.1", "2606:50c0:8000::153")),
        *((a, False) for a in ("10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "127.0.0.1", "100.64.0.1")),
        *((a, False) for a in ("0.0.0.0", "224.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.0.192")),
        *((a, False) for a in ("::1", "fd00::1", "fe80::1", "::ffff:10.1.2.3", "64:ff9b::a01:203", "2002:a01:203::1")),
    ],
)  # fmt: skip
def test_workers_clone_from_public_addresses_alone(render: Engine, address: str, *, through: bool) -> None:
    rule = to_git(policy(render, "indexjob-worker"))
    assert lets_through(rule, address) is through
    assert rule["ports"] == [{"port": 443}, {"port": 22}]


def test_private_git_servers_are_let_through_when_they_are_named(render: Engine) -> None:
    given = {"networkPolicy": {"git": {"privateRanges": ["10.20.0.0/16"], "ports": [443, 22, 8443]}}}
    rule = to_git(policy(render, "indexjob-worker", given))
    assert lets_through(rule, "10.20.1.1")
    assert not lets_through(rule, "10.21.1.1")
    assert {"port": 8443} in rule["ports"]


@pytest.mark.parametrize("name", ["indexjob-worker", "indexjob-operator"])
def test_the_database_is_one_address_or_a_selector_and_a_port(render: Engine, name: str) -> None:
    def rules(**database: Any) -> list[Any]:
        found = policy(render, name, {"networkPolicy": {"database": database}})["egress"]
        return [r for r in found if {"port": database.get("port", 5432)} in r["ports"]]

    assert rules() == [{"ports": [{"port": 5432}]}]
    assert rules(cidr="10.1.2.3/32", port=6432) == [
        {"to": [{"ipBlock": {"cidr": "10.1.2.3/32"}}], "ports": [{"port": 6432}]}
    ]
    pods = {"podSelector": {"matchLabels": {"app": "pg"}}, "namespaceSelector": {"matchLabels": {"team": "db"}}}
    assert rules(podLabels={"app": "pg"}, namespaceLabels={"team": "db"}) == [{"to": [pods], "ports": [{"port": 5432}]}]
    (own,) = rules(podLabels={"app": "pg"})
    assert own["to"] == [{"podSelector": {"matchLabels": {"app": "pg"}}}]


def test_the_trials_database_is_known(render: Engine) -> None:
    (rule,) = [r for r in policy(render, "indexjob-worker", base=TRIAL)["egress"] if r["ports"] == [{"port": 5432}]]
    labels = render(base=TRIAL).one("Deployment", "indexjob-trial-database")["spec"]["template"]["metadata"]["labels"]
    assert rule["to"][0]["podSelector"]["matchLabels"].items() <= labels.items()
    spec = policy(render, "indexjob-trial-database", base=TRIAL)
    assert spec["egress"] == []
    assert [rule["ports"] for rule in spec["ingress"]] == [[{"port": 5432}]]


def test_the_operator_is_reached_for_its_metrics_and_reaches_the_api(render: Engine) -> None:
    spec = policy(render, "indexjob-operator")
    assert spec["ingress"] == [{"from": [{"namespaceSelector": {}}], "ports": [{"port": 8080}]}]
    assert {"ports": [{"port": 443}, {"port": 6443}]} in spec["egress"]
    narrow = policy(
        render,
        "indexjob-operator",
        {"networkPolicy": {"metricsFrom": {"team": "m"}, "apiServer": {"cidrs": ["10.0.0.1/32"]}}},
    )
    assert narrow["ingress"][0]["from"] == [{"namespaceSelector": {"matchLabels": {"team": "m"}}}]
    to_api = {"to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}], "ports": [{"port": 443}, {"port": 6443}]}
    assert to_api in narrow["egress"]


def test_policies_can_be_left_out(render: Engine) -> None:
    assert not render({"networkPolicy": {"enabled": False}}, base=TRIAL).names("NetworkPolicy")
