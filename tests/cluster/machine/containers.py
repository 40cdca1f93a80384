"""containerd's side of the cluster: images in, containers out, and what it leaves outside of any root."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.cluster.machine.commands import CommandFailedError, attempt, run
from tests.cluster.machine.daemon import kill
from tests.cluster.machine.place import Place

RESULTS = Path("/var/lib/cni/results")  # the CNI library's; no setting moves it
LOG_LINKS = Path("/var/log/containers")  # kubelet's
PLUGINS = Path("/var/lib/kubelet/device-plugins")  # kubelet's
SHIM_SOCKETS = Path("/run/containerd/s")
STRAYS = (
    PLUGINS,
    PLUGINS.parent,
    LOG_LINKS,
    RESULTS,
    RESULTS.parent,
    SHIM_SOCKETS,
    SHIM_SOCKETS.parent,
)


def load(place: Place, archive: Path) -> None:
    """Imports a docker-archive's images, under the names that it gives them."""
    _ctr(place, "images", "import", str(archive))


def images(place: Place) -> list[str]:
    return _ctr(place, "images", "ls", "-q").split()


def answers(place: Place) -> bool:
    return place.socket.exists() and attempt("ctr", "-a", place.socket, "version") is not None


def end_all(place: Place) -> None:
    """Ends every container; with the kubelet gone, nothing starts them again."""
    if answers(place):
        for noun, force in (("tasks", ["-f"]), ("containers", [])):
            with suppress(CommandFailedError):
                if names := _ctr(place, noun, "ls", "-q").split():
                    _ctr(place, noun, "rm", *force, *names)
    kill(shims(place))  # what is left where containerd had died


def shims(place: Place) -> Iterator[int]:
    """The processes that stand between containerd and its containers; they outlive it."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            argv = file.read_bytes().decode(errors="replace").split("\0")
            if "containerd-shim" in argv[0] and str(place.socket) in argv:
                yield int(file.parent.name)


def sweep(place: Place) -> None:
    """Removes this cluster's files outside its root, and their folders where nothing else uses them."""
    for path in strays(place):
        path.unlink(missing_ok=True)
    for folder in STRAYS:
        with suppress(OSError):
            folder.rmdir()


def strays(place: Place) -> list[Path]:
    """This cluster's files outside its root, and what no cluster has any more."""
    addresses = place.root.glob("run/io.containerd.runtime.v2.task/*/*/address")
    sockets = [Path(file.read_text().removeprefix("unix://")) for file in addresses]
    results = [path for path in RESULTS.glob("*") if f'"{place.root}/' in path.read_text()]
    links = [path for path in LOG_LINKS.glob("*.log") if str(path.readlink()).startswith(f"{place.root}/")]
    registrations = [PLUGINS / "kubelet.sock"]
    dead = [path for path in SHIM_SOCKETS.glob("*") if _is_dead(path)]
    found = {*sockets, *dead, *results, *links, *registrations}
    return [path for path in sorted(found) if path.exists() or path.is_symlink()]


def _is_dead(path: Path) -> bool:
    """A shim's socket that nobody listens at: whose it was is known to nobody any more, once containerd has forgotten a shim that was killed."""
    with socket.socket(socket.AF_UNIX) as caller, suppress(OSError):
        try:
            caller.connect(str(path))
        except ConnectionRefusedError:
            return True
    return False


def _ctr(place: Place, *words: str) -> str:
    return run("ctr", "-a", place.socket, "-n", "k8s.io", *words)
