"""Installs the Debian packages that are missing, and lets none of them start a service of its own."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.machine.commands import PATH, NoClusterError, attempt, run

PROVIDERS = {  # what the cluster calls: the package that has it
    "etcd": "etcd-server",
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "nft": "nftables",
    "ip": "iproute2",
    "mount": "mount",
    "openssl": "openssl",
    "mmdebstrap": "mmdebstrap",
    "buildah": "buildah",
    "pgbouncer": "pgbouncer",  # these two are what other tests stand on
    "ctags": "universal-ctags",
}
SERVICES = ("containerd", "etcd", "pgbouncer")
POLICY = Path("/usr/sbin/policy-rc.d")  # Debian asks it before a package's service is started


def missing() -> list[str]:
    return [package for command, package in PROVIDERS.items() if shutil.which(command, path=PATH) is None]


def install() -> None:
    """Brings what is missing; returns at once when nothing is.

    Raises:
        NoClusterError: the packages are missing and this machine has no apt.
    """
    packages = missing()
    if not packages:
        return
    if shutil.which("apt-get", path=PATH) is None:
        raise NoClusterError(f"{', '.join(packages)} are missing, and there is no apt-get here: install them by hand")
    print(f"installing {', '.join(packages)}", file=sys.stderr)
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    options = ("-qq", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0")
    attempt("apt-get", *options, "update")  # a third party's source may be out of reach; what is needed is Debian's own
    with services_held_back():
        run("apt-get", *options, "install", "-y", "--no-install-recommends", *packages, extra=quiet)
    if shutil.which("systemctl", path=PATH):
        for service in SERVICES:
            if PROVIDERS[service] in packages:
                attempt("systemctl", "disable", f"{service}.service")


@contextmanager
def services_held_back() -> Iterator[None]:
    """Denies the start of services meanwhile: a system-wide etcd would take the cluster's port."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def require_root() -> None:
    """Raises NoClusterError where no cluster can be had, with the reason."""
    if sys.platform != "linux":
        raise NoClusterError(f"a cluster of the tests' own needs Linux, and this is {sys.platform}")
    if os.geteuid():
        raise NoClusterError("a cluster of the tests' own needs root: containers, network namespaces and nftables do")
