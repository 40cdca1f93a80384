"""Enforces NetworkPolicies on the node: follows the API server and the pods' networks, replaces one nftables table.

Pod addresses come from the CNI's result files, which are written before a pod's first process starts: so a policy
holds from a pod's first packet on.

    python -m tests.cluster.machine.enforcer ROOT
"""

import json
import sys
import time
from pathlib import Path

from tests.cluster.machine.api import Api
from tests.cluster.machine.commands import CommandFailedError, run
from tests.cluster.machine.containers import RESULTS
from tests.cluster.machine.place import NETWORK, Place
from tests.cluster.machine.policies import Pod, State, table
from tests.cluster.machine.watch import Kept

POLICIES = "/apis/networking.k8s.io/v1/networkpolicies"
PODS = "/api/v1/pods"
NAMESPACES = "/api/v1/namespaces"
LOOK = 0.02  # seconds between two looks at the CNI's folder


def addresses() -> dict[str, str]:
    """The address of each pod that has a network now, by pod uid."""
    found = {}
    for file in RESULTS.glob(f"{NETWORK}-*-eth0"):
        try:
            record = json.loads(file.read_text())
            found[dict(record["cniArgs"])["K8S_POD_UID"]] = record["result"]["ips"][0]["address"].split("/")[0]
        except (OSError, ValueError):
            continue  # being written or removed just now: the folder will have changed again
    return found


def state(kept: Kept) -> State:
    known = addresses()
    pods = [
        Pod(pod["metadata"]["namespace"], pod["metadata"].get("labels", {}), known[pod["metadata"]["uid"]])
        for pod in kept.of(PODS)
        if pod["metadata"]["uid"] in known
    ]
    spaces = {space["metadata"]["name"]: space["metadata"].get("labels", {}) for space in kept.of(NAMESPACES)}
    return State(tuple(kept.of(POLICIES)), tuple(pods), spaces)


def main() -> None:
    kept = Kept(Api(Place(Path(sys.argv[1])), "enforcer"), POLICIES, PODS, NAMESPACES)
    kept.follow()
    seen: int | None = None
    applied = ""
    while True:
        kept.changed.wait(LOOK)
        stamp = RESULTS.stat().st_mtime_ns if RESULTS.exists() else None
        if not kept.complete or (stamp == seen and not kept.changed.is_set()):
            continue
        kept.changed.clear()
        seen = stamp
        script, refused = table(state(kept))
        if script != applied and _apply(script, refused):
            applied = script


def _apply(script: str, refused: dict[str, str]) -> bool:
    said = [f"refused {policy}: {why}" for policy, why in refused.items()] or ["applied"]
    try:
        run("nft", "-f", "-", stdin=script)
    except CommandFailedError as error:
        said = [str(error)]
    print(time.strftime("%T"), *said, sep="\n  ", file=sys.stderr, flush=True)
    return not said[0].startswith("nft")


if __name__ == "__main__":
    main()
