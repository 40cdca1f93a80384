"""Prometheus' own judge of rules: the machine's, or Debian's, taken out of its package without installing that (it would start a server)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.cluster.machine.place import cache

PACKAGE = "prometheus"


def find() -> Path | None:
    """None where neither can be had."""
    if there := shutil.which("promtool"):
        return Path(there)
    kept = cache() / "promtool"
    if not kept.exists() and shutil.which("apt-get"):
        cache().mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=cache()) as folder:
            fetch = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", PACKAGE]
            if subprocess.run(fetch, cwd=folder, capture_output=True, check=False).returncode:
                return None
            (package,) = Path(folder).glob("*.deb")
            subprocess.run(["dpkg-deb", "-x", package, folder], check=True, capture_output=True)
            (Path(folder) / "usr/bin/promtool").rename(kept)
    return kept if kept.exists() else None
