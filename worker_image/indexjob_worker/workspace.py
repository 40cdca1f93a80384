"""The one directory that a run writes to, and what is in it.

`clone` fills it, `index` reads it, and whoever ends last empties it. Only entries of these names are ever made or
removed, so a wrong `--workspace` costs nobody his files; the directory itself stays (it may be a mount point).
"""

import json
import os
import re
import shutil
import time
from pathlib import Path
from typing import NamedTuple

from indexjob_worker.errors import InvalidRunSpecError

_OBJECT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class Cloned(NamedTuple):
    """What `clone` found out, for `index`."""

    started_at: float
    """When the run began, seconds since the epoch: the deadline counts over both commands."""
    seconds: float
    commit: str
    unchanged: bool
    """A snapshot of this commit is there already; there is no repository in the workspace."""
    credential: bool = False
    """Whether a git credential was used; never which."""


class Workspace:
    """Paths in the workspace, and its emptying."""

    def __init__(self, directory: Path) -> None:
        # git runs in other directories: a relative path would not name its configuration there.
        directory = directory.absolute()
        self.directory = directory
        self.repository = directory / "repository.git"
        self.private = directory / "private"
        """HOME and configuration of git while it runs, with a copy of the credential: nobody else's, removed first."""
        self.catalog = directory / "catalog.sqlite"
        """What `index` keeps of the commit's files where memory is not for them."""
        self._cloned = directory / "clone.json"

    def begin(self) -> None:
        """Make it ours, empty. A pod whose sandbox was restarted finds what its former self left.

        Raises:
            InvalidRunSpecError: it cannot be written.
        """
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self.empty()
            self.private.mkdir(mode=0o700)
        except OSError as error:
            raise InvalidRunSpecError(
                f"The workspace {self.directory} cannot be written ({error.strerror}); give a writable directory."
            ) from error

    def empty(self) -> None:
        """Remove all that a run makes, credential first. Safe to call at any time, twice too."""
        for path in (self.private, self.repository):
            shutil.rmtree(path, ignore_errors=True)
        for path in (self.catalog, self._cloned, self._cloned.with_suffix(".tmp")):
            path.unlink(missing_ok=True)

    def forget_private(self) -> None:
        """Remove git's configuration and the copy of the credential: nothing needs them after the fetch."""
        shutil.rmtree(self.private)

    def used_bytes(self) -> int:
        """What lies in it now; files that git removes while we look don't count."""
        total, pending = 0, [os.fspath(self.directory)]
        while pending:
            try:
                with os.scandir(pending.pop()) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            pending.append(entry.path)
                        else:
                            total += entry.stat(follow_symlinks=False).st_blocks * 512
            except FileNotFoundError:
                continue
        return total

    def leave(self, cloned: Cloned) -> None:
        """Write for `index` what was found, all at once."""
        beside = self._cloned.with_suffix(".tmp")
        beside.write_text(json.dumps(cloned._asdict()))
        beside.replace(self._cloned)

    def find(self) -> Cloned:
        """Read what `clone` left.

        Raises:
            InvalidRunSpecError: there is nothing, or nothing that `clone` could have written.
        """
        try:
            cloned = Cloned(**json.loads(self._cloned.read_text()))
            whole = _OBJECT_ID.fullmatch(cloned.commit) and 0 < cloned.started_at < time.time() + 60
        except (OSError, ValueError, TypeError):
            whole = None
        if not whole:
            raise InvalidRunSpecError(f"There is no clone in {self.directory}; run `clone` on this workspace first.")
        return cloned
