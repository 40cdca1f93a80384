"""Where the cluster lives: its one root directory, its names and its addresses.

Everything that the cluster leaves on a machine carries one of these names, which is how `down` finds it again.
"""

import os
from dataclasses import dataclass
from pathlib import Path

BRIDGE = "indexjob0"
NODE = "indexjob"
NETWORK = "indexjob"  # the CNI network's name: a prefix of its result files

GATEWAY = "10.244.0.1"  # the bridge's own address: the node's, and where the API server is
PODS = "10.244.0.0/24"
SERVICES = "10.96.0.0/24"
KUBERNETES = "10.96.0.1"
DNS = "10.96.0.10"
API = f"https://{GATEWAY}:6443"

STORAGE_CLASS = "indexjob-test"
PROVISIONER = "indexjob.test/directory"

LONGEST_ROOT = 50  # a Unix socket's path ends at 107 bytes, and containerd's shims need the rest


def cache() -> Path:
    """The folder of what is built once (binaries, images), outside the work tree and any cluster."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "indexjob" / "cluster"


@dataclass(frozen=True, slots=True)
class Place:
    """The paths of one cluster; `down` removes `root` and nothing of the cluster is left."""

    root: Path = Path("/var/lib/indexjob-cluster")

    def __post_init__(self) -> None:
        if len(str(self.root)) > LONGEST_ROOT:
            message = f"{self.root} is too long: choose a root directory of at most {LONGEST_ROOT} characters"
            raise ValueError(message)

    @property
    def pki(self) -> Path:
        return self.root / "pki"

    @property
    def conf(self) -> Path:
        return self.root / "conf"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def audit_log(self) -> Path:
        return self.logs / "audit.log"

    @property
    def socket(self) -> Path:
        """Containerd's."""
        return self.root / "run" / "containerd.sock"

    @property
    def turns(self) -> Path:
        """The locks of those who use it; they outlive the cluster."""
        return cache() / "turns" / self.root.name

    @property
    def volumes(self) -> Path:
        """The directories behind persistent volumes."""
        return self.root / "volumes"

    @property
    def cgroup(self) -> str:
        """The cgroup that all pods live under, in every hierarchy."""
        return self.root.name

    def kubeconfig(self, client: str = "admin") -> Path:
        return self.root / f"{client}.kubeconfig"
