"""NetworkPolicies as one nftables table: policies, pods and namespaces in, the table's text out.

No policy engine can be had as a Go module, so this one serves the tests' own cluster, and only that. Understood:
podSelector and namespaceSelector by matchLabels, ipBlock with except, numeric ports, endPort. A policy that says
anything else is refused and every pod of its namespace is cut off: no test may pass on a policy that was not read.
Always let through: the node to its pods, a pod to itself, connections older than the policy.
Policies see address and port after translation (a Service's pods, the API server's real port); denied means dropped.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.cluster.machine.network import ENFORCER_TABLE
from tests.cluster.machine.place import BRIDGE

Json = Mapping[str, Any]


class RefusedError(Exception):
    """The policy says something that this enforcer doesn't understand."""


@dataclass(frozen=True, slots=True)
class Pod:
    namespace: str
    labels: Mapping[str, str]
    address: str


@dataclass(frozen=True, slots=True)
class State:
    """All that the table depends on; `namespaces` maps a name to its labels."""

    policies: tuple[Json, ...]
    pods: tuple[Pod, ...]
    namespaces: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Direction:
    rules: str  # the field of spec that has them, and the chains' prefix
    entries: str  # the field of a rule that names the other side
    own: str  # which address of a packet is the pod's
    other: str


EGRESS = Direction("egress", "to", own="saddr", other="daddr")
INGRESS = Direction("ingress", "from", own="daddr", other="saddr")
DIRECTIONS = (EGRESS, INGRESS)
# Packets to the node itself (the API server) pass `input`; a pod's ingress from the node passes neither hook.
HOOKS = {"forward": DIRECTIONS, "input": (EGRESS,)}

Chains = dict[tuple[Direction, str], list[str]]  # by direction and pod address: what it lets through


def table(state: State) -> tuple[str, dict[str, str]]:
    """The nft script that replaces the whole table, and `namespace/name` of each refused policy with the reason."""
    chains: Chains = {}
    refused: dict[str, str] = {}
    for policy in state.policies:
        try:
            found = _chains_of(policy, state)
        except RefusedError as why:
            about = policy["metadata"]
            refused[f"{about['namespace']}/{about['name']}"] = str(why)
            found = _cut_off(about["namespace"], state)
        for key, rules in found.items():
            chains.setdefault(key, []).extend(rules)
    body = "".join(
        _chain(direction, address, rules) for (direction, address), rules in sorted(chains.items(), key=_order)
    )
    body += "".join(_hook(hook, directions, chains, bool(state.policies)) for hook, directions in HOOKS.items())
    name = f"inet {ENFORCER_TABLE}"
    return f"table {name} {{}}\ndelete table {name}\ntable {name} {{\n{body}}}\n", refused


def _chains_of(policy: Json, state: State) -> Chains:
    """What one policy lets through for each pod that it selects; an empty list lets nothing through."""
    spec, home = policy["spec"], policy["metadata"]["namespace"]
    _only(spec, "podSelector", "policyTypes", "ingress", "egress")
    selected = [pod.address for pod in _selected(spec["podSelector"], {home}, state)]
    judged = [direction for direction in DIRECTIONS if direction.rules.capitalize() in spec["policyTypes"]]
    return {
        (direction, address): rules
        for direction in judged
        for rules in [_allowances(spec.get(direction.rules) or [], direction, home, state)]
        for address in selected
    }


def _cut_off(home: str, state: State) -> Chains:
    pods = [pod.address for pod in state.pods if pod.namespace == home]
    return {(direction, address): ["drop"] for direction in DIRECTIONS for address in pods}


def _allowances(rules: list[Json], direction: Direction, home: str, state: State) -> list[str]:
    allowed = []
    for rule in rules:
        _only(rule, direction.entries, "ports")
        peers = [match for peer in rule.get(direction.entries) or [] for match in _peer(peer, direction, home, state)]
        ports = [_port(port) for port in rule.get("ports") or []] or [""]
        for peer in peers if rule.get(direction.entries) else [""]:
            allowed += [" ".join(filter(None, [peer, port, "return"])) for port in ports]
    return allowed


def _peer(peer: Json, direction: Direction, home: str, state: State) -> list[str]:
    """Nft matches for one entry of `to` or `from`; none if no pod that it names runs now."""
    _only(peer, "podSelector", "namespaceSelector", "ipBlock")
    if block := peer.get("ipBlock"):
        return _block(block, direction)
    selector = peer.get("namespaceSelector")
    names = {home} if selector is None else {name for name, has in state.namespaces.items() if _matches(selector, has)}
    found = sorted(pod.address for pod in _selected(peer.get("podSelector") or {}, names, state))
    return [f"ip {direction.other} {{ {', '.join(found)} }}"] if found else []


def _block(block: Json, direction: Direction) -> list[str]:
    """An IPv6 block names nobody: this cluster is IPv4."""
    _only(block, "cidr", "except")
    if ":" in block["cidr"]:
        return []
    match = f"ip {direction.other} {block['cidr']}"
    if excluded := block.get("except"):
        match += f" ip {direction.other} != {{ {', '.join(excluded)} }}"
    return [match]


def _port(port: Json) -> str:
    _only(port, "port", "protocol", "endPort")
    protocol, number = port.get("protocol", "TCP").lower(), port.get("port")
    if number is None:
        return f"meta l4proto {protocol}"
    if isinstance(number, str):
        raise RefusedError(f"the named port {number}")
    return f"{protocol} dport {number}" + (f"-{port['endPort']}" if "endPort" in port else "")


def _selected(selector: Json, namespaces: set[str], state: State) -> list[Pod]:
    return [pod for pod in state.pods if _matches(selector, pod.labels) and pod.namespace in namespaces]


def _matches(selector: Json, labels: Mapping[str, str]) -> bool:
    _only(selector, "matchLabels")
    return (selector.get("matchLabels") or {}).items() <= labels.items()


def _only(thing: Json, *known: str) -> None:
    if extra := set(thing) - set(known):
        raise RefusedError(f"{', '.join(sorted(extra))} is not understood")


def _order(item: tuple[tuple[Direction, str], list[str]]) -> tuple[str, str]:
    (direction, address), _ = item
    return direction.rules, address


def _chain(direction: Direction, address: str, rules: list[str]) -> str:
    lines = ["drop"] if "drop" in rules else [f"ip {direction.other} {address} return", *dict.fromkeys(rules), "drop"]
    return f"  chain {direction.rules}-{address} {{\n" + "".join(f"    {line}\n" for line in lines) + "  }\n"


def _hook(hook: str, directions: tuple[Direction, ...], chains: Chains, judging: bool) -> str:
    lines = [f"type filter hook {hook} priority filter - 1; policy accept;", "ct state established,related accept"]
    if judging:  # pods have link-local IPv6 addresses, which would go around every policy
        lines.append(f'iifname "{BRIDGE}" meta nfproto ipv6 drop')
    for direction in directions:
        addresses = sorted(address for judged, address in chains if judged == direction)
        if jumps := ", ".join(f"{address} : jump {direction.rules}-{address}" for address in addresses):
            lines.append(f"ip {direction.own} vmap {{ {jumps} }}")
    return f"  chain {hook} {{\n" + "".join(f"    {line}\n" for line in lines) + "  }\n"
