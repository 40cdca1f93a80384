"""The node's network: a bridge for the pods, a route to the services, and the kernel's settings for both."""

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from tests.cluster.machine.commands import UnfitError, attempt, run
from tests.cluster.machine.place import BRIDGE, GATEWAY, NETWORK, PODS, SERVICES, Place

SYSCTLS = {  # what pods need, and what kubelet would set by itself; the machine's own values come back on `down`
    "net.ipv4.ip_forward": 1,
    # At 0 a pod's ClusterIP connection to a pod of the same bridge hangs, and policies between pods aren't seen.
    "net.bridge.bridge-nf-call-iptables": 1,
    "net.bridge.bridge-nf-call-ip6tables": 1,
    "vm.overcommit_memory": 1,
    "vm.panic_on_oom": 0,
    "kernel.panic": 10,
    "kernel.panic_on_oops": 1,
    "kernel.keys.root_maxkeys": 1000000,
    "kernel.keys.root_maxbytes": 25000000,
}
ENFORCER_TABLE = f"{NETWORK}-policies"
TABLES = (("ip", "kube-proxy"), ("ip6", "kube-proxy"), ("inet", ENFORCER_TABLE))


def conflist(place: Place) -> str:
    """The CNI configuration: pods on the bridge, addresses by a file per pod under the root."""
    addresses = {
        "type": "host-local",
        "dataDir": f"{place.root}/addresses",
        "ranges": [[{"subnet": PODS}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {"type": "bridge", "bridge": BRIDGE, "isGateway": True, "hairpinMode": True, "ipam": addresses}
    return json.dumps({"cniVersion": "1.0.0", "name": NETWORK, "plugins": [bridge]}, indent=2)


def up(place: Place) -> None:
    """Makes the bridge, whose address the API server advertises, and remembers the settings that it changes.

    Raises:
        UnfitError: the kernel can't filter bridged packets.
    """
    attempt("modprobe", "br_netfilter")
    before = {key: value for key in SYSCTLS if (value := setting(key)) is not None}
    if "net.bridge.bridge-nf-call-iptables" not in before:
        raise UnfitError("load the kernel module br_netfilter: without it pods can't reach each other by ClusterIP")
    _saved(place).write_text(json.dumps(before))
    _set((key, str(SYSCTLS[key])) for key in before)
    run("ip", "link", "add", BRIDGE, "type", "bridge")
    run("ip", "address", "add", f"{GATEWAY}/24", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")
    run("ip", "route", "add", SERVICES, "dev", BRIDGE, "src", GATEWAY)  # ClusterIPs from here, whatever the default


def down(place: Place) -> None:
    """Removes what `up`, kube-proxy and the enforcer made; says nothing of what is gone already."""
    attempt("ip", "link", "delete", BRIDGE)
    for family, table in TABLES:
        attempt("nft", "delete", "table", family, table)
    with suppress(FileNotFoundError):
        _set(json.loads(_saved(place).read_text()).items())


def setting(key: str) -> str | None:
    try:
        return _file(key).read_text().strip()
    except OSError:
        return None


def _set(values: Iterable[tuple[str, str]]) -> None:
    for key, value in values:
        if setting(key) != value:
            _file(key).write_text(value)


def _file(key: str) -> Path:
    return Path("/proc/sys", *key.split("."))


def _saved(place: Place) -> Path:
    return place.root / "sysctls.json"
