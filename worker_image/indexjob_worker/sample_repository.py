"""A tiny repository that the image brings, to try an installation where no git server is in reach (`helm test` does).

It goes the way of every other: asked for by a URL, cloned by git, indexed, published. `.invalid` is reserved, so no server
will ever have that name, and what is cloned is always the same files.
"""

from pathlib import Path

from indexjob_worker.errors import InvalidRunSpecError
from indexjob_worker.git.address import Address
from indexjob_worker.git.process import Git

URL = "https://sample.invalid/indexjob"
FILES = Path(__file__).with_name("sample")
WHO = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "IndexJob"), ("EMAIL", "sample@sample.invalid"), ("DATE", "2026-01-01T00:00:00Z"))
}


def in_place_of(where: Address, directory: Path) -> Address:
    """Where the sample will be, if that is what `where` names; else `where` itself."""
    if where.url.rstrip("/").removesuffix(".git") != URL:
        return where
    return Address(f"file://{directory / 'sample.git'}", "file", "", "file://")


def make(git: Git, where: Address) -> None:
    """Make it there, by git alone.

    Raises:
        InvalidRunSpecError: git could not.
    """
    made = where.url.removeprefix("file://")
    there = ("-C", str(FILES), f"--git-dir={made}", "--work-tree=.")
    steps = (
        ("init", "--quiet", "--bare", "--template=", "--initial-branch=main", made),
        (*there, "add", "--", "*.py", "*.ts"),  # whoever installed them may have compiled some
        (*there, "commit", "--quiet", "--message=Show what an index holds"),
    )
    for step in steps:
        if git.run(*step, memory_limit=None, **WHO).code:
            raise InvalidRunSpecError("git could not make the sample repository; is there room in the workspace?")
