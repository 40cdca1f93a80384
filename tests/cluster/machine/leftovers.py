"""What of a cluster is on this machine: the check that its end left nothing.

Each finding is a line that names the kind of thing and the thing: a process, a mount, an interface, an nftables
table, a cgroup, a file.
"""

import json
from contextlib import suppress
from pathlib import Path

from tests.cluster.machine import cgroups, containers, mounts
from tests.cluster.machine.commands import run
from tests.cluster.machine.network import TABLES
from tests.cluster.machine.place import BRIDGE, Place


def of(place: Place) -> list[str]:
    """Everything found; empty when the cluster is gone."""
    return [
        *(f"process {pid}: {line}" for pid, line in _processes(place)),
        *(f"mount {point}" for point in mounts.under(place.root)),
        *(f"interface {name}" for name in _interfaces()),
        *(f"nftables table {family} {name}" for family, name in _tables() if (family, name) in TABLES),
        *(f"cgroup {root}" for root in cgroups.roots(place) if root.exists()),
        *(f"file {path}" for path in [*containers.strays(place), place.root] if path.exists()),
    ]


def _processes(place: Place) -> list[tuple[int, str]]:
    """Those that name the root on their command line or live in one of its cgroups."""
    inside = set(cgroups.members(place))
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            named = f"{place.root}/" in line or line.endswith(str(place.root))
            if named or int(folder.name) in inside:
                found.append((int(folder.name), line))
    return found


def _interfaces() -> list[str]:
    """The bridge, and what is plugged into it."""
    links = json.loads(run("ip", "-json", "link", "show"))
    return [link["ifname"] for link in links if BRIDGE in (link["ifname"], link.get("master"))]


def _tables() -> list[tuple[str, str]]:
    listed = json.loads(run("nft", "--json", "list", "tables"))["nftables"]
    return [(entry["table"]["family"], entry["table"]["name"]) for entry in listed if "table" in entry]
