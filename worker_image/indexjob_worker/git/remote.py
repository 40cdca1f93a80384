"""Finds the commit behind a revision, and fetches it with its files but without its history."""

import re
from typing import NamedTuple

from indexjob_worker.errors import (
    CorruptRepositoryError,
    EmptyRepositoryError,
    NotARepositoryError,
    RevisionNotFoundError,
    RunError,
    TooLargeError,
)
from indexjob_worker.git.address import Address
from indexjob_worker.git.complaints import understand
from indexjob_worker.git.process import Git, Result
from indexjob_worker.journal import Journal

LISTING_MEMORY = 512 * 1024 * 1024
"""Address space for listing branches and tags, enough for a million of them: git holds the whole list in memory."""
TARGET = "refs/indexjob/target"
FULL_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SHORT_ID = re.compile(r"[0-9a-f]{7,63}")
_LS_REMOTE_LINE = re.compile(r"([0-9a-f]{40}(?:[0-9a-f]{24})?)\t(\S+)")
_NO_NAME = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[-/]|[/.]$|\.lock$")


class Resolved(NamedTuple):
    """A revision's commit, and the name under which the server gives it (its id where it has none)."""

    commit: str
    name: str


class Remote:
    """One server's repository, asked through a Git that is set up for it."""

    def __init__(self, git: Git, address: Address, journal: Journal, *, credential_used: bool) -> None:
        self._git = git
        self._address = address
        self._journal = journal
        self._credential_used = credential_used

    def resolve(self, revision: str) -> Resolved:
        """The commit that a branch, a tag, a full reference name or a full commit id stands for now.

        A tag wins over a branch of the same name, as with git itself.

        Raises:
            RevisionNotFoundError, EmptyRepositoryError: and whatever the server is not able or willing to do.
        """
        if FULL_ID.fullmatch(revision.lower()):
            return Resolved(revision.lower(), revision.lower())
        if _NO_NAME.search(revision) or not revision:
            raise RevisionNotFoundError(
                f"'{_shown(revision)}' cannot be a revision; give a branch, a tag or a full commit id."
            )
        names = [revision, f"refs/{revision}", f"refs/tags/{revision}", f"refs/heads/{revision}"]
        if revision == "HEAD":
            names = ["HEAD"]
        refs = self._refs(*names, *(f"{name}^{{}}" for name in names))
        for name in names:
            if name in refs:
                return Resolved(refs.get(f"{name}^{{}}", refs[name]), name)
        raise self._why_not(revision)

    def fetch(self, resolved: Resolved) -> str:
        """Fetch a commit without history; returns the commit's id, which is a later one if a branch has just moved.

        Raises:
            RunError: what the server, the network or the repository is to blame for.
        """
        shallow = ("--depth=1", "--no-tags", f"+{resolved.name}:{TARGET}")
        result = self._fetch(*shallow)
        if result.code and resolved.name == resolved.commit and "unadvertised object" in result.stderr:
            self._journal.info("fetch_by_name", "The server gives no commits by id; fetching branches and tags")
            result = self._fetch("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
            self._must_be_well(result)
            self._point_target(resolved.commit)
        self._must_be_well(result)
        found = self._git.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{TARGET}^{{commit}}")
        if found.code:
            raise RevisionNotFoundError(
                f"'{_shown(resolved.name)}' is no commit, but another kind of git object; give a branch or a commit."
            )
        commit = found.stdout.decode().strip()
        if resolved.name == resolved.commit and commit != resolved.commit:
            raise RevisionNotFoundError("The given id is a tag's, not a commit's; give the tag's name instead.")
        return commit

    def _fetch(self, *arguments: str) -> Result:
        options = [argument for argument in arguments if argument.startswith("--")]
        refspecs = [argument for argument in arguments if not argument.startswith("--")]
        quiet = ("--quiet", "--no-auto-maintenance", "--no-recurse-submodules", "--no-write-fetch-head")
        return self._git.run("fetch", *quiet, *options, "--", self._address.url, *refspecs)

    def _point_target(self, commit: str) -> None:
        if self._git.run("update-ref", TARGET, commit).code:
            raise RevisionNotFoundError(
                "The server does not give commits by id, and no branch or tag holds this one; name a branch or tag."
            )

    def _refs(self, *patterns: str) -> dict[str, str]:
        result = self._list(*patterns)
        lines = result.stdout.decode(errors="surrogateescape").splitlines()
        return {m[2]: m[1] for m in map(_LS_REMOTE_LINE.fullmatch, lines) if m}

    def _list(self, *patterns: str, **environment: str) -> Result:
        arguments = ("ls-remote", "--quiet", "--", self._address.url, *patterns)
        result = self._git.run(*arguments, memory_limit=LISTING_MEMORY, **environment)
        if "out of memory" in result.stderr.lower() or "mmap failed" in result.stderr:
            raise TooLargeError("The server's list of branches and tags is longer than a worker reads.")
        self._must_be_well(result)
        return result

    def _why_not(self, revision: str) -> RunError:
        refs = self._refs()
        if not refs and self._address.protocol in ("http", "https"):
            # A website that answers anything to everything looks to git like an old server without branches.
            traced = self._list(GIT_TRACE_PACKET="1")
            if "packet:" not in traced.stderr:
                return NotARepositoryError(
                    "That address answers, but it is no git repository; give the URL that `git clone` would take."
                )
        if not refs:
            return EmptyRepositoryError("The repository has no commits yet; push something to it first.")
        if revision == "HEAD":
            return RevisionNotFoundError("The repository has no default branch; name the branch to index as revision.")
        if _SHORT_ID.fullmatch(revision.lower()):
            return RevisionNotFoundError(
                f"There is no branch or tag '{revision}'; a commit is given by its full id, not by its beginning."
            )
        return RevisionNotFoundError(
            f"There is no branch or tag '{_shown(revision)}' in the repository; check its name."
        )

    def _must_be_well(self, result: Result) -> None:
        if result.code == 0:
            return
        self._journal.warning("git_failed", "git could not do it", exit_code=result.code, stderr=result.stderr[-2000:])
        if result.code < 0:
            raise CorruptRepositoryError("git itself died of what the server sent; run `git fsck` on the repository.")
        raise understand(result.stderr, credential_used=self._credential_used)


def _shown(text: str) -> str:
    return text[:100].encode("unicode_escape").decode()
