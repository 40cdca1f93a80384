"""As whom the embedded Postgres runs: Postgres refuses to be root."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from indexjob.errors import EmbeddedPostgresError

if TYPE_CHECKING:
    from pathlib import Path

SYSTEM_USER = "indexjob"
ADVICE = "Run as another user, or name a server of your own with INDEXJOB_DATABASE_URL."


@dataclass(frozen=True, slots=True)
class PostgresAccount:
    """The operating system's account of the server (`uid`, `gid`), and the database's of its users.

    `login` is the name of this process's own account: the socket's other end is asked for it (peer authentication), so there is no password to keep
    and no other account gets in. `switch` says that the server's account is not our own.
    """

    login: str
    uid: int
    gid: int
    switch: bool

    @classmethod
    def of_this_process(cls, folder: Path) -> Self:
        """Ourselves; if that is root, a system user made for this, who must be able to reach `folder`.

        Raises:
            EmbeddedPostgresError: this account has no name, or root can make no other, or that one can't reach the folder.
        """
        try:
            me = pwd.getpwuid(os.geteuid())
        except KeyError:
            raise EmbeddedPostgresError(
                f"User {os.geteuid()} has no name on this machine, and Postgres needs one.", ADVICE
            ) from None
        if me.pw_uid != 0:
            return cls(me.pw_name, me.pw_uid, me.pw_gid, switch=False)
        user = _system_user()
        account = cls(me.pw_name, user.pw_uid, user.pw_gid, switch=True)
        closed = [parent for parent in reversed([folder, *folder.parents]) if not account.may_enter(parent)]
        if closed:
            raise EmbeddedPostgresError(
                f"Postgres must not run as root, and the account that it runs as, {SYSTEM_USER}, cannot enter {closed[0]}.",
                "Name a place that it can reach with XDG_DATA_HOME, or a server of your own with INDEXJOB_DATABASE_URL.",
            )
        return account

    def may_enter(self, folder: Path) -> bool:
        """Whether the folder's mode lets this account pass."""
        status = folder.stat()
        bit = 0o100 if status.st_uid == self.uid else 0o010 if status.st_gid == self.gid else 0o001
        return bool(status.st_mode & bit)

    def process(self) -> dict[str, Any]:
        """What makes a child process of `subprocess` run as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switch else {}

    def make_folder(self, folder: Path) -> None:
        """A folder that nobody else can look into. One that is there already must be such a one: in /tmp it may be anybody's.

        Raises:
            EmbeddedPostgresError: it is not.
        """
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            pass
        else:
            if self.switch:
                os.chown(folder, self.uid, self.gid)
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != self.uid or status.st_mode & 0o077:
            raise EmbeddedPostgresError(
                f"{folder} is not a private directory of user {self.uid}'s.",
                "Remove it, or name another place with XDG_DATA_HOME.",
            )


def _system_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        pass
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is None:
        raise EmbeddedPostgresError(
            "Postgres must not run as root, and there is no `useradd` here to make another account.", ADVICE
        )
    made = subprocess.run(
        [
            useradd,
            "--system",
            "--user-group",
            "--no-create-home",
            "--home-dir",
            "/nonexistent",
            "--shell",
            "/usr/sbin/nologin",
            SYSTEM_USER,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        said = made.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise EmbeddedPostgresError(
            f"Postgres must not run as root, and the account {SYSTEM_USER} could not be made: {said[0]}.", ADVICE
        ) from None
