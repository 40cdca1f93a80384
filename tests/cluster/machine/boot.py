"""Puts the parts in order: brings the cluster up from nothing, and takes it down to nothing."""

import shutil
import string
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.machine import (
    certificates,
    cgroups,
    components,
    containers,
    images,
    mounts,
    network,
    packages,
    toolchain,
)
from tests.cluster.machine.daemon import NotReadyError
from tests.cluster.machine.kubectl import Kubectl
from tests.cluster.machine.place import DNS, GATEWAY, PROVISIONER, STORAGE_CLASS, Place

CONFIGURATION = Path(__file__).parent / "conf"
DNS_SECONDS = 240


def up(place: Place) -> None:
    """Returns with a cluster that serves; at once if it is up already.

    What an interrupted or broken cluster left under the same root is removed first.

    Raises:
        UnfitError: this machine can't have a cluster, or one of its components doesn't come up.
    """
    packages.require_root()
    with toolchain.only_one("boot"):
        if serves(place):
            return
        prepare()
        _end(place)
        with told("boot"):
            _begin(place)


def down(place: Place) -> None:
    """Ends the cluster and removes all that is of it; nothing to do is fine."""
    packages.require_root()
    with toolchain.only_one("boot"):
        _end(place)


def prepare() -> None:
    """Brings all that is fetched or built once. Packages and Go don't wait for each other."""
    packages.require_root()
    with ThreadPoolExecutor() as pool:
        built = pool.submit(toolchain.build)
        packages.install()
        images.base()
        built.result()
    images.pause()
    images.coredns()


def serves(place: Place) -> bool:
    """Whether a cluster was booted here to the end, and all of its components serve now."""
    parts = components.all_of(place).values() if _booted(place).exists() else ()
    return bool(parts) and all(part.pid and part.ready() for part in parts)


def stop(place: Place, name: str) -> None:
    """Ends one component in the middle of whatever goes on."""
    components.all_of(place)[name].stop()


def crash(place: Place, name: str) -> None:
    """Kills one component, as `kill -9` does."""
    components.all_of(place)[name].kill()


def start(place: Place, name: str) -> None:
    """Starts one component that was stopped, and returns when it serves."""
    daemon = components.all_of(place)[name]
    daemon.start()
    daemon.wait()


@contextmanager
def told(what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    print(f"{what} took {time.monotonic() - began:.1f} s", file=sys.stderr)


def _begin(place: Place) -> None:
    place.root.mkdir(mode=0o711, parents=True)
    for folder in (place.conf / "cni", place.logs, place.root / "pods"):
        folder.mkdir(parents=True)
    certificates.make(place)
    for file in ("containerd.toml", "kubelet.yaml", "audit.yaml"):
        (place.conf / file).write_text(_filled(place, file))
    (place.conf / "cni" / "10-indexjob.conflist").write_text(network.conflist(place))
    network.up(place)
    cgroups.make(place)
    with ThreadPoolExecutor() as pool:
        loading = None
        for stage in components.STAGES:
            _start(place, stage)
            loading = loading or pool.submit(_load_images, place)  # containerd is in the first stage
        _furnish(place)
        loading and loading.result()
    _wait_for_dns(place)
    _booted(place).touch()


def _start(place: Place, stage: tuple[str, ...]) -> None:
    parts = components.all_of(place)
    for name in stage:
        parts[name].start()
    for name in stage:
        parts[name].wait()


def _load_images(place: Place) -> None:
    for archive in (images.pause(), images.coredns(), images.base()):
        containers.load(place, archive)


def _furnish(place: Place) -> None:
    """Applies what every cluster has: DNS, a storage class."""
    Kubectl(place.kubeconfig())("apply", "--server-side", "-f", "-", stdin=_filled(place, "system.yaml"))


def _wait_for_dns(place: Place) -> None:
    kubectl = Kubectl(place.kubeconfig())
    if not kubectl.holds("-n", "kube-system", "rollout", "status", "deployment/coredns", f"--timeout={DNS_SECONDS}s"):
        pods = kubectl("-n", "kube-system", "describe", "pods")
        raise NotReadyError(f"cluster DNS is not there after {DNS_SECONDS} s; logs in {place.logs}.\n{pods[-3000:]}")


def _end(place: Place) -> None:
    if not place.root.exists():
        return
    parts = components.all_of(place)
    parts["kubelet"].stop()
    containers.end_all(place)
    cgroups.clear(place)
    for name in components.ENDING:
        parts[name].stop()
    mounts.unmount_under(place.root)
    network.down(place)
    containers.sweep(place)
    shutil.rmtree(place.root)


def _booted(place: Place) -> Path:
    return place.root / "booted"


def _filled(place: Place, file: str) -> str:
    return string.Template((CONFIGURATION / file).read_text()).substitute(
        root=place.root,
        cgroup=place.cgroup,
        gateway=GATEWAY,
        dns=DNS,
        pause=images.PAUSE,
        coredns=images.COREDNS,
        storage_class=STORAGE_CLASS,
        provisioner=PROVISIONER,
    )
