"""What a policy says, as nftables rules: the enforcer's table, without a cluster."""

from collections.abc import Mapping

import pytest

from tests.cluster.machine.policies import Pod, State, table

SPACES = {"a": {"team": "a"}, "b": {"team": "b"}}
PODS = (Pod("a", {"app": "x"}, "10.0.0.1"), Pod("a", {"app": "y"}, "10.0.0.2"), Pod("b", {"app": "x"}, "10.0.0.3"))


def chain(spec: Mapping[str, object], name: str) -> list[str]:
    """The rules of one pod's chain under one policy of namespace `a`."""
    policy = {"metadata": {"namespace": "a", "name": "p"}, "spec": spec}
    script, _ = table(State((policy,), PODS, SPACES))
    lines = iter(script.splitlines())
    next(line for line in lines if line == f"  chain {name} {{")
    rules = []
    for line in lines:
        if line == "  }":
            break
        rules.append(line.strip())
    return rules


def refusal(spec: Mapping[str, object]) -> str:
    policy = {"metadata": {"namespace": "a", "name": "p"}, "spec": spec}
    script, refused = table(State((policy,), PODS, SPACES))
    for address in ("10.0.0.1", "10.0.0.2"):
        assert f"chain egress-{address} {{\n    drop\n" in script
        assert f"chain ingress-{address} {{\n    drop\n" in script
    assert "10.0.0.3" not in script
    return refused["a/p"]


def test_no_policy_means_no_rule() -> None:
    script, refused = table(State((), PODS, SPACES))
    assert "drop" not in script
    assert not refused


def test_a_selected_pod_is_closed_but_to_itself() -> None:
    spec = {"podSelector": {"matchLabels": {"app": "x"}}, "policyTypes": ["Egress"]}
    assert chain(spec, "egress-10.0.0.1") == ["ip daddr 10.0.0.1 return", "drop"]


def test_pods_are_named_by_their_labels_in_their_own_namespace() -> None:
    rule = {"from": [{"podSelector": {"matchLabels": {"app": "x"}}}], "ports": [{"port": 80}]}
    spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [rule]}
    assert "ip saddr { 10.0.0.1 } tcp dport 80 return" in chain(spec, "ingress-10.0.0.2")


def test_a_namespace_selector_names_the_pods_of_those_namespaces() -> None:
    rule = {"to": [{"namespaceSelector": {"matchLabels": {"team": "b"}}}]}
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [rule]}
    assert chain(spec, "egress-10.0.0.2")[1:-1] == ["ip daddr { 10.0.0.3 } return"]


def test_a_block_leaves_out_its_exceptions_and_a_range_has_two_ends() -> None:
    block = {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}
    rule = {"to": [{"ipBlock": block}], "ports": [{"port": 1000, "endPort": 2000, "protocol": "UDP"}]}
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [rule]}
    expected = "ip daddr 0.0.0.0/0 ip daddr != { 169.254.0.0/16 } udp dport 1000-2000 return"
    assert chain(spec, "egress-10.0.0.2")[1:-1] == [expected]


def test_an_ipv6_block_names_nobody_of_a_cluster_that_has_none() -> None:
    rule = {"to": [{"ipBlock": {"cidr": "2000::/3"}}, {"ipBlock": {"cidr": "10.0.0.3/32"}}]}
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [rule]}
    assert chain(spec, "egress-10.0.0.2")[1:-1] == ["ip daddr 10.0.0.3/32 return"]


def test_an_empty_rule_lets_all_through_and_a_rule_for_nobody_lets_nothing_through() -> None:
    everything = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]}
    assert chain(everything, "egress-10.0.0.2")[1:-1] == ["return"]
    nobody = {"to": [{"podSelector": {"matchLabels": {"app": "absent"}}}]}
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [nobody]}
    assert chain(spec, "egress-10.0.0.2")[1:-1] == []


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"to": [{"podSelector": {"matchExpressions": []}}]}, "matchExpressions"),
        ({"ports": [{"port": "http"}]}, "named port http"),
        ({"somethingNew": True}, "somethingNew"),
    ],
)
def test_what_is_not_understood_is_refused_and_its_namespace_cut_off(rule: Mapping[str, object], why: str) -> None:
    spec = {"podSelector": {"matchLabels": {"app": "x"}}, "policyTypes": ["Egress"], "egress": [rule]}
    assert why in refusal(spec)
