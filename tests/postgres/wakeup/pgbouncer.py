"""The real PgBouncer, as Debian packages it, in transaction mode before the tests' server."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo

CONFIGURATION = """
[databases]
* = host={host} port={port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
pool_mode = transaction
auth_type = trust
auth_file = {folder}/users
logfile = {folder}/log
default_pool_size = 10
"""


def program() -> str:
    """Where it is; without it there is nothing to test, which CI does not accept."""
    found = shutil.which("pgbouncer", path=os.environ["PATH"] + ":/usr/sbin")
    if found is None:
        missing = "PgBouncer is not installed: apt-get install pgbouncer"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    return str(found)


@contextmanager
def running(server: str, folder: Path, users: list[str]) -> Iterator[str]:
    """The address part of a DSN through it, to which a user and a database are added."""
    known = conninfo.conninfo_to_dict(server)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "users").write_text("".join(f'"{user}" "x"\n' for user in users))
    (folder / "ini").write_text(
        CONFIGURATION.format(host=known["host"], port=known.get("port") or 5432, listen=port, folder=folder)
    )
    account: dict[str, object] = {}
    if os.geteuid() == 0:  # it refuses to be root
        sockets = Path(str(known["host"]))
        owner = (
            pwd.getpwuid(sockets.stat().st_uid)
            if sockets.is_dir() and sockets.stat().st_uid
            else pwd.getpwnam("nobody")
        )
        for path in (folder, folder / "users", folder / "ini"):
            os.chown(path, owner.pw_uid, owner.pw_gid)
        account = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    process = subprocess.Popen(
        [program(), "-q", str(folder / "ini")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **account
    )  # type: ignore[call-overload]
    address = f"host=127.0.0.1 port={port}"
    try:
        until = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(
                    conninfo.make_conninfo(address, user=users[0], dbname=known["dbname"]), connect_timeout=5
                ).close()
                break
            except psycopg.OperationalError:
                if time.monotonic() > until or process.poll() is not None:
                    raise
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(60)
