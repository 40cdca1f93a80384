"""A repository as people name it: a URL, or a path of this machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from indexjob.errors import ClearError

REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|[^/]+@[^/:]+:")

RepositoryArgument = Annotated[
    str,
    typer.Argument(metavar="REPO", help="The repository: an https or ssh URL, or a local path.", show_default=False),
]
RepositoryOption = Annotated[
    str | None,
    typer.Option("--repository", "-r", metavar="REPO", help="Of this repository alone: a URL or a local path."),
]


class NotARepositoryError(ClearError):
    """The path is no git repository of this machine."""


def resolve(named: str) -> str:
    """What the queue takes: URLs as they are (the queue judges them), a local path absolute, and known to be a repository.

    Raises:
        NotARepositoryError: nothing there, no directory, or no repository.
    """
    named = named.strip()
    if named.lower().startswith("file://"):
        named = named[len("file://") :]
    elif REMOTE.match(named) or not _is_path(named):
        return named
    path = Path(named).expanduser()
    if not path.exists():
        raise NotARepositoryError(
            f"There is no directory {path}.", "Give a repository's URL, or the path of one on this machine."
        )
    path = path.resolve()
    if not path.is_dir():
        raise NotARepositoryError(
            f"{path} is a file, not a repository.", "Give the directory that git init or git clone made."
        )
    if not is_repository(path):
        around = enclosing(path)
        raise NotARepositoryError(
            f"{path} is no git repository.",
            f"Did you mean {around}?" if around else "Run git init and commit there, or give another path.",
        )
    return str(path)


def spelt(named: str | None) -> str | None:
    """For looking something up: a path made absolute if it is one, whether or not the repository is still there."""
    if named is None or named.lower().startswith("file://") or REMOTE.match(named) or not _is_path(named):
        return named
    return str(Path(named).expanduser().resolve())


def here() -> str:
    """The repository that one stands in.

    Raises:
        NotARepositoryError: there is none.
    """
    found = enclosing(Path.cwd())
    if found is None:
        raise NotARepositoryError(
            "You are in no git repository.", "Name one: indexjob demo https://github.com/org/name"
        )
    return str(found)


def enclosing(path: Path) -> Path | None:
    """The nearest repository at or above this directory."""
    return next((folder for folder in (path, *path.parents) if is_repository(folder)), None)


def is_repository(path: Path) -> bool:
    """A work tree (its .git may be a file), or a bare repository."""
    try:
        return (path / ".git").exists() or ((path / "HEAD").is_file() and (path / "objects").is_dir())
    except OSError:
        return False


def _is_path(named: str) -> bool:
    """It begins like one, or something is there."""
    return named.startswith(("/", ".", "~")) or (not named.startswith("-") and bool(named) and Path(named).exists())
