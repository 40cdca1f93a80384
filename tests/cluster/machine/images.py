"""Images without a builder and without a registry: a directory tree as a one-layer archive that every engine loads.

The two that the cluster needs itself hold one static binary each. The third is a small Debian with Python: what
tests run in their pods, and the base of the project's own images where no registry can be had.
"""

import hashlib
import json
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

from tests.cluster.machine import toolchain
from tests.cluster.machine.commands import run
from tests.cluster.machine.place import cache

PAUSE = "indexjob.test/pause:1"
COREDNS = "indexjob.test/coredns:1"
BASE = "indexjob.test/python:3"
BASE_PACKAGES = ("ca-certificates", "python3", "python3-venv")  # what `python:3.x-slim` brings, and no more
SEARCH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def pause() -> Path:
    return _binary_image(PAUSE, toolchain.PAUSE, "pause")


def coredns() -> Path:
    return _binary_image(COREDNS, toolchain.KUBERNETES, "coredns")


def base() -> Path:
    """The archive of a minimal Debian with Python, made by mmdebstrap, the debootstrap that takes half its time (once a release)."""
    suite = platform.freedesktop_os_release().get("VERSION_CODENAME", "bookworm")
    made_of = hashlib.sha256(" ".join([BASE, suite, *BASE_PACKAGES]).encode()).hexdigest()[:12]
    archive = cache() / f"base-{suite}-{made_of}.tar"
    with toolchain.only_one("base"):
        if not archive.exists():
            print(f"making a base image from Debian {suite} (once)", file=sys.stderr)
            with tempfile.TemporaryDirectory(dir=cache(), prefix=".base-") as folder:
                tree = Path(folder, "tree")
                run("mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(BASE_PACKAGES)}", suite, tree)
                for leftover in ("var/cache/apt", "var/lib/apt/lists", "var/log", "usr/share/doc", "usr/share/man"):
                    _empty(tree / leftover)
                write(BASE, tree, archive, command=["python3"])
    return archive


def write(
    name: str, tree: Path, archive: Path, entrypoint: list[str] | None = None, command: list[str] | None = None
) -> None:
    """The tree as a docker-archive with one layer; the archive is there whole or not at all."""
    with tempfile.TemporaryDirectory(dir=archive.parent, prefix=".image-") as folder:
        layer = Path(folder, "layer.tar")
        run("tar", "--numeric-owner", "--one-file-system", "--sort=name", "-cf", layer, "-C", tree, ".")
        with layer.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        config = {
            "os": "linux",
            "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine],
            "config": {"Entrypoint": entrypoint or [], "Cmd": command or [], "Env": [SEARCH]},
            # One entry a layer, or buildah can't add to it; each with a time, or it never takes a layer from its cache.
            "history": [{"created": "2000-01-01T00:00:00Z", "created_by": "tests.cluster"}],
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        }
        Path(folder, "config.json").write_text(json.dumps(config))
        manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
        Path(folder, "manifest.json").write_text(json.dumps(manifest))
        whole = Path(folder, "image.tar")
        run("tar", "-cf", whole, "-C", folder, "config.json", "manifest.json", "layer.tar")
        whole.rename(archive)


def _binary_image(name: str, module: toolchain.Module, binary: str) -> Path:
    folder = toolchain.binaries(module)
    archive = folder / f"{binary}.tar"
    with toolchain.only_one(module.name):
        if not archive.exists():
            with tempfile.TemporaryDirectory(dir=folder, prefix=".tree-") as tree:
                Path(tree).chmod(0o755)  # it becomes / of the image
                shutil.copy2(folder / binary, tree)
                write(name, Path(tree), archive, entrypoint=[f"/{binary}"])
    return archive


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
