"""pg-boss, from npm, kept in the user's cache: installed from the lock file beside this one."""

from __future__ import annotations

import os
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

from platformdirs import user_cache_path
from psycopg import conninfo

HERE = Path(__file__).parent
PARTS = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}


class NoPeerError(Exception):
    """npm is missing, or can't reach its registry."""


def installed() -> Path:
    """The folder that holds pg-boss and the Node that it needs.

    Raises:
        NoPeerError: it can't be installed here.
    """
    lock = HERE / "package-lock.json"
    folder = user_cache_path("indexjob") / "bench-peers" / sha256(lock.read_bytes()).hexdigest()[:16]
    if (folder / "installed").exists():
        return folder
    if not (npm := shutil.which("npm")):
        raise NoPeerError("npm is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder)
    done = subprocess.run(
        [npm, "ci", "--no-audit", "--no-fund"], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise NoPeerError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "npm ci failed")
    (folder / "installed").touch()
    return folder


def jobs_a_second(database_url: str, *, queued: int, wanted: int, batch: int) -> float:
    """Four fetchers take and complete `wanted` of `queued` jobs, `batch` at a time each."""
    folder = installed()
    known = conninfo.conninfo_to_dict(database_url)
    environment = os.environ | {variable: str(known[part]) for part, variable in PARTS.items() if known.get(part)}
    done = subprocess.run(
        [folder / "node_modules" / ".bin" / "node", HERE / "pgboss.mjs", str(queued), str(wanted), str(batch)],
        env=environment | {"PEERS": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)
