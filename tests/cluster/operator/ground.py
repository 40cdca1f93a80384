"""What an operator needs around it and no cluster brings: a Postgres and a git server that pods reach.

Both run on the tests' machine and listen on the address that the pods' network reaches it by.
"""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import conninfo, sql

from indexjob import migrations
from tests.cluster.choice import Cluster
from tests.cluster.machine.place import GATEWAY
from tests.own_server import OwnServer, installed
from tests.worker.git_server import GitServer, serve

ADDRESS = "INDEXJOB_TEST_ADDRESS"
ROLES = {
    "operator": ["indexjob_operator"],
    "worker": ["indexjob_worker"],
    "producer": ["indexjob_producer", "indexjob_tenant_default"],
}


def address_for_pods(cluster: Cluster) -> str | None:
    """Where pods of this cluster reach this machine; None if nobody says."""
    return os.environ.get(ADDRESS) or (GATEWAY if cluster.components else None)


@dataclass(frozen=True, slots=True)
class Database:
    """One migrated database with real logins, each a member of one role: `admin` by the socket, the others as pods come."""

    server: OwnServer
    admin: str
    logins: dict[str, str]
    passwords: dict[str, str]


@contextmanager
def postgres(address: str, **settings: str) -> Iterator[OwnServer]:
    settings = {"synchronous_commit": "off", **settings}
    with tempfile.TemporaryDirectory(prefix="ijt-") as folder:
        Path(folder).chmod(0o711)
        server = OwnServer(Path(folder), installed(), address=(address, free_port(address)), **settings)
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")


@contextmanager
def database(server: OwnServer) -> Iterator[Database]:
    """A new one, with logins of its own."""
    mark = uuid4().hex[:8]
    name = sql.Identifier(f"index_{mark}")
    with psycopg.connect(server.dsn, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(name))
    url = conninfo.make_conninfo(server.dsn, dbname=f"index_{mark}")
    logins, passwords = {}, {}
    with psycopg.connect(url, autocommit=True) as admin:
        migrations.migrate(admin)
        for who, roles in ROLES.items():
            login, passwords[who] = f"{who}_{mark}", f"canary-{who}-{uuid4().hex}"
            admin.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} IN ROLE {}").format(
                    sql.Identifier(login), sql.Literal(passwords[who]), sql.SQL(", ").join(map(sql.Identifier, roles))
                )
            )
            host, port = server.address
            logins[who] = f"postgresql://{login}:{passwords[who]}@{host}:{port}/index_{mark}"
    try:
        yield Database(server, url, logins, passwords)
    finally:
        server.wait()
        with psycopg.connect(server.dsn, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
            for who in ROLES:
                admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(f"{who}_{mark}")))


@dataclass(frozen=True, slots=True)
class GitHost:
    """A git server with TLS and a password; `authority` is the certificate that its clients must be given."""

    server: GitServer
    address: str
    authority: str
    user: str
    password: str

    def url(self, name: str) -> str:
        return f"{self.server.url}/{name}.git"


@contextmanager
def git_host(address: str, folder: Path) -> Iterator[GitHost]:
    root, pair = folder / "served", (folder / "git.crt", folder / "git.key")
    root.mkdir()
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=git", "-addext", f"subjectAltName=IP:{address}", "-out", pair[0], "-keyout", pair[1]],
        check=True, capture_output=True,
    )  # fmt: skip
    with serve(root, pair, address) as server:
        server.basic = ("git", f"canary-git-{uuid4().hex}")
        yield GitHost(server, address, pair[0].read_text(), *server.basic)


def free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])
